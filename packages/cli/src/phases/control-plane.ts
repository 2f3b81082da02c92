import type { ClusterConfig } from '../cluster/config.js';
import type { Layout } from '../cluster/layout.js';
import { apiServerProcess } from '../components/apiserver.js';
import { controllerManagerProcess } from '../components/controller-manager.js';
import { etcdProcess } from '../components/etcd.js';
import { schedulerProcess } from '../components/scheduler.js';
import { type ProcessSpec, runningPid, startDaemon, waitReady } from '../process/daemon.js';
import type { Report } from '../report.js';
import { ensureCertificates } from './certificates.js';
import { ensureKubeconfigs } from './kubeconfigs.js';

/** The control plane's processes in the order they start; they stop in reverse. */
export function controlPlaneProcesses(layout: Layout, config: ClusterConfig): ProcessSpec[] {
  return [
    etcdProcess(layout, config),
    apiServerProcess(layout, config),
    controllerManagerProcess(layout, config),
    schedulerProcess(layout, config),
  ];
}

/** Makes what is missing of the control plane and starts what does not run. */
export async function ensureControlPlane(layout: Layout, config: ClusterConfig, report: Report): Promise<void> {
  await report.step('certificates and kubeconfigs', async () => {
    await ensureCertificates(layout, config);
    await ensureKubeconfigs(layout, config);
  });
  for (const spec of controlPlaneProcesses(layout, config)) {
    await report.step(spec.name, () => ensureProcess(spec));
  }
}

/** Starts a process if needed and waits until it serves; returns the line to print. */
export async function ensureProcess(spec: ProcessSpec): Promise<string> {
  let outcome = await startDaemon(spec);
  try {
    await waitReady(spec);
  } catch (error) {
    // One that was there may have been about to stop.
    if (outcome !== 'running' || runningPid(spec) !== undefined) {
      throw error;
    }
    outcome = await startDaemon(spec);
    await waitReady(spec);
  }
  return outcome === 'started' ? `${spec.name} started` : `${spec.name} is running`;
}
