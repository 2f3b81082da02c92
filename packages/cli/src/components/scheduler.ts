import type { ClusterConfig } from '../cluster/config.js';
import type { Layout } from '../cluster/layout.js';
import type { ProcessSpec } from '../process/daemon.js';
import { httpOk } from '../process/health-probe.js';
import { nodeCommand } from './node-command.js';

export function schedulerProcess(layout: Layout, config: ClusterConfig): ProcessSpec {
  const health = `https://127.0.0.1:${config.schedulerPort}/healthz`;
  return {
    name: 'scheduler',
    runDir: layout.runDir,
    logFile: `${layout.logDir}/scheduler.log`,
    command: nodeCommand('scheduler', {
      'bind-address': '127.0.0.1',
      kubeconfig: `${layout.etcDir}/scheduler.kubeconfig`,
      'leader-elect': true,
      'secure-port': config.schedulerPort,
      ...config.extraConfig.scheduler,
    }),
    ready: () => httpOk(health),
    live: (timeoutMs) => httpOk(health, timeoutMs),
  };
}
