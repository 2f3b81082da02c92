import { defaultClusterName, type Layout } from '../cluster/layout.js';

/** `kubelab.service`, or `kubelab-NAME.service` for a cluster of another name. */
export function unitName(layout: Layout): string {
  return layout.name === defaultClusterName ? 'kubelab.service' : `kubelab-${layout.name}.service`;
}

export interface UnitOptions {
  command: string[];
  logFile: string;
  /** Set for all of the cluster's processes: those of the proxy, if this machine needs one. */
  environment: Record<string, string>;
}

/**
 * The unit of the supervisor. `KillMode=process`: the cluster's processes are in its cgroup and go on when the supervisor
 * is stopped or started again. `Delegate`: a node's own dockerd makes cgroups.
 */
export function unitText(layout: Layout, options: UnitOptions): string {
  const environment = Object.entries(options.environment).map(
    ([name, value]) => `Environment=${quoted(`${name}=${value}`)}`,
  );
  return `${[
    '# Written by kubelab; removed by `kubelab down` and `kubelab reset`.',
    '[Unit]',
    `Description=Kubelab: keeps the processes of cluster ${layout.name} running`,
    'Wants=network-online.target',
    'After=network-online.target docker.service containerd.service',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    // Only a command's variables are replaced.
    `ExecStart=${options.command.map((word) => quoted(word.replaceAll('$', '$$$$'))).join(' ')}`,
    ...environment,
    `StandardOutput=append:${options.logFile}`,
    `StandardError=append:${options.logFile}`,
    'Restart=always',
    'RestartSec=1',
    'KillMode=process',
    'Delegate=yes',
    'LimitNOFILE=1048576',
    'LimitNPROC=infinity',
    'TasksMax=infinity',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ].join('\n')}\n`;
}

/** systemd's quoting; a `%` begins a specifier. */
function quoted(word: string): string {
  const escaped = word.replaceAll('%', '%%');
  return /^[\w./:@=%$+,-]+$/.test(escaped) ? escaped : `"${escaped.replace(/[\\"]/g, '\\$&')}"`;
}
