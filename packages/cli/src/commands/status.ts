import { Client, loadKubeconfig } from '@kubelab/client';
import { nodeLayoutOf } from '../cluster/layout.js';
import { readNodeConfig } from '../cluster/node-config.js';
import type { Command } from '../command.js';
import { controlPlaneProcesses } from '../phases/control-plane.js';
import { nodeProcesses } from '../phases/node.js';
import { isReady } from '../phases/nodes-ready.js';
import { type ProcessSpec, runningPid } from '../process/daemon.js';
import { clusterOption, existingCluster } from './cluster-option.js';

export const status: Command = {
  name: 'status',
  summary: "Show this machine's processes of the cluster and the nodes' state; exit code 1 when something is down",
  options: clusterOption,
  async run(options) {
    const { layout, config } = existingCluster(options);
    let healthy = true;
    const show = (where: string, spec: ProcessSpec) => {
      const pid = runningPid(spec);
      healthy &&= pid !== undefined;
      process.stdout.write(`${where.padEnd(14)} ${spec.name.padEnd(20)} ${pid ? `running  pid ${pid}` : 'DOWN'}\n`);
    };
    for (const spec of controlPlaneProcesses(layout, config)) {
      show('control-plane', spec);
    }
    for (const labNode of config.mode === 'lab' ? config.labNodes : [undefined]) {
      const node = nodeLayoutOf(layout, labNode);
      const nodeConfig = readNodeConfig(node);
      for (const spec of nodeConfig ? nodeProcesses(node, nodeConfig) : []) {
        show(nodeConfig?.nodeName ?? '', spec);
      }
    }
    try {
      const client = new Client({ ...loadKubeconfig(layout.adminKubeconfig), userAgent: 'kubelab', timeoutMs: 5000 });
      const nodes = await client.resource({ group: '', version: 'v1', resource: 'nodes' }).list();
      for (const node of nodes.items) {
        healthy &&= isReady(node);
        process.stdout.write(
          `node           ${node.metadata.name?.padEnd(20)} ${isReady(node) ? 'Ready' : 'NotReady'}\n`,
        );
      }
    } catch (error) {
      healthy = false;
      process.stdout.write(`API server     no answer: ${(error as Error).message}\n`);
    }
    return healthy ? 0 : 1;
  },
};
