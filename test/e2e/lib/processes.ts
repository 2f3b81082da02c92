import { existsSync, readFileSync } from 'node:fs';
import { clusterName } from './machine.js';

/** The cluster's run folder, where the pid files are. */
export const runDir = `/run/kubelab-${clusterName}`;

/** The pid in a process's pid file: `etcd`, `nodes/node1/kubelet`. */
export function pidOf(name: string): number {
  return (JSON.parse(readFileSync(`${runDir}/${name}.pid`, 'utf8')) as { pid: number }).pid;
}

/** The same, or undefined when it does not run. */
export function runningPidOf(name: string): number | undefined {
  const pid = pidOf(name);
  return existsSync(`/proc/${pid}/exe`) ? pid : undefined;
}
