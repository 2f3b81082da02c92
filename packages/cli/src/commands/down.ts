import { existsSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { readClusterConfig } from '../cluster/config.js';
import { nodeLayoutOf } from '../cluster/layout.js';
import { readNodeConfig } from '../cluster/node-config.js';
import type { Command } from '../command.js';
import { inNode, labNodesOf, netnsPath, removeLabNetwork } from '../phases/lab-network.js';
import { removeCgroups, removeControlPlane, removeFolders, removeNode, unmountBelow } from '../phases/teardown.js';
import { Report } from '../report.js';
import { removeSupervisor } from '../supervise/service.js';
import { clusterOption, layoutFrom } from './cluster-option.js';

export const down: Command = {
  name: 'down',
  summary: 'Remove everything that `up`, `init` or `join` made on this machine, and nothing else',
  options: {
    ...clusterOption,
    'keep-data': { type: 'boolean', default: false, description: "Keep etcd's data and the certificates" },
  },
  async run(options) {
    const layout = layoutFrom(options);
    const report = new Report();
    const config = readClusterConfig(layout);
    if (!config && !readNodeConfig(nodeLayoutOf(layout))) {
      report.line(`There is no cluster ${layout.name} on this machine.`);
      await removeSupervisor(layout);
      removeFolders(layout, options.boolean('keep-data'));
      return;
    }
    report.line(`Removing cluster ${layout.name}`);
    await report.step('supervisor', async () => ((await removeSupervisor(layout)) ? 'supervisor stopped' : undefined));
    const labNodes = config?.mode === 'lab' ? labNodesOf(config) : [];
    const targets = [undefined, ...labNodes];
    for (const lab of targets) {
      const node = nodeLayoutOf(layout, lab?.name);
      const nodeConfig = readNodeConfig(node);
      if (nodeConfig) {
        const enter = (command: string[]) => (lab && existsSync(netnsPath(lab)) ? inNode(lab, command) : command);
        await report.step(`node ${nodeConfig.nodeName}`, async () => {
          await removeNode(node, nodeConfig, report, lab && !existsSync(netnsPath(lab)) ? undefined : enter);
          await removeCgroups(nodeConfig.cgroupRoot);
        });
      }
    }
    await removeCgroups(`/kubelab-${layout.name}`);
    if (config) {
      await report.step('control plane', () => removeControlPlane(layout, config, report));
      if (config.mode === 'lab') {
        await report.step('lab network', () => removeLabNetwork(config));
      }
    }
    await report.step('folders', async () => {
      removeUserKubeconfig(layout.adminKubeconfig, options.boolean('keep-data'));
      await unmountBelow([layout.stateDir, layout.runDir]);
      removeFolders(layout, options.boolean('keep-data'));
    });
    report.line(`Cluster ${layout.name} is removed after ${report.elapsedSeconds()} s.`);
  },
};

/** Removes ~/.kube/config only when it still is the file that `up` wrote. */
function removeUserKubeconfig(adminKubeconfig: string, keepData: boolean): void {
  const path = `${homedir()}/.kube/config`;
  if (keepData || !existsSync(path) || !existsSync(adminKubeconfig)) {
    return;
  }
  if (readFileSync(path, 'utf8') === readFileSync(adminKubeconfig, 'utf8')) {
    rmSync(path);
  }
}
