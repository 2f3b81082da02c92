import { Client, loadKubeconfig } from '@kubelab/client';
import { readClusterConfig } from '../cluster/config.js';
import { nodeLayoutOf } from '../cluster/layout.js';
import { readNodeConfig } from '../cluster/node-config.js';
import { type Command, UsageError } from '../command.js';
import { isReady } from '../phases/nodes-ready.js';
import { runningPid } from '../process/pid-record.js';
import { SupervisorClient } from '../supervise/control-socket.js';
import { supervisorRecord } from '../supervise/keeper.js';
import type { KeptState } from '../supervise/kept-process.js';
import { clusterProcesses } from '../supervise/processes.js';
import { clusterOption, layoutFrom } from './cluster-option.js';

export const status: Command = {
  name: 'status',
  summary: "Show this machine's processes of the cluster and the nodes' state; exit code 1 when something is down",
  options: clusterOption,
  async run(options) {
    const layout = layoutFrom(options);
    const config = readClusterConfig(layout);
    const joined = readNodeConfig(nodeLayoutOf(layout));
    if (!config && !joined) {
      throw new UsageError(`there is no cluster ${layout.name} on this machine`);
    }
    let healthy = true;
    const show = (where: string, name: string, pid: number | undefined, more = '') => {
      healthy &&= pid !== undefined;
      const state = pid === undefined ? 'DOWN' : `running  pid ${pid}`;
      process.stdout.write(`${where.padEnd(14)} ${name.padEnd(20)} ${state}${more}\n`);
    };
    let states: Record<string, KeptState> = {};
    const problems: string[] = [];
    try {
      states = await new SupervisorClient(layout).states();
    } catch (error) {
      problems.push((error as Error).message);
    }
    show('machine', 'supervisor', problems.length > 0 ? undefined : runningPid(supervisorRecord(layout)));
    for (const { id, group, spec } of clusterProcesses(layout)) {
      show(group, spec.name, runningPid(spec), history(states[id]));
    }
    try {
      // A machine that only joined may ask for itself.
      const credentials = config ? layout.adminKubeconfig : nodeLayoutOf(layout).kubeconfig;
      const client = new Client({ ...loadKubeconfig(credentials), userAgent: 'kubelab', timeoutMs: 5000 });
      const nodes = client.resource({ group: '', version: 'v1', resource: 'nodes' });
      for (const node of config ? (await nodes.list()).items : [await nodes.get(joined?.nodeName ?? '')]) {
        healthy &&= isReady(node);
        process.stdout.write(
          `node           ${node.metadata.name?.padEnd(20)} ${isReady(node) ? 'Ready' : 'NotReady'}\n`,
        );
      }
    } catch (error) {
      healthy = false;
      process.stdout.write(`API server     no answer: ${(error as Error).message}\n`);
    }
    for (const problem of problems) {
      process.stdout.write(`${problem}\n`);
    }
    return healthy ? 0 : 1;
  },
};

/** How often the supervisor started it again, why, and when it will. */
function history(state: KeptState | undefined): string {
  if (!state || (state.restarts === 0 && !state.nextStartAt)) {
    return '';
  }
  const last = state.lastExit ? ` (${state.lastExit.reason}, ${state.lastExit.at})` : '';
  const next = state.nextStartAt ? `, next start ${state.nextStartAt}` : '';
  return `  restarts ${state.restarts}${last}${next}`;
}
