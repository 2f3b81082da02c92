import type { ClusterConfig } from '../cluster/config.js';
import type { Layout } from '../cluster/layout.js';
import { controlPlaneProcesses } from '../components/processes.js';
import { type ProcessSpec, waitReady } from '../process/daemon.js';
import { runningPid } from '../process/pid-record.js';
import type { Report } from '../report.js';
import { SupervisorClient } from '../supervise/control-socket.js';
import { ensureSupervisor } from '../supervise/service.js';
import { ensureCertificates } from './certificates.js';
import { ensureKubeconfigs } from './kubeconfigs.js';

/** Makes what is missing of the control plane and starts what does not run. */
export async function ensureControlPlane(layout: Layout, config: ClusterConfig, report: Report): Promise<void> {
  await report.step('certificates and kubeconfigs', async () => {
    await ensureCertificates(layout, config);
    await ensureKubeconfigs(layout, config);
  });
  await report.step('supervisor', () => ensureSupervisor(layout));
  const supervisor = new SupervisorClient(layout);
  for (const spec of controlPlaneProcesses(layout, config)) {
    await report.step(spec.name, () => ensureProcess(supervisor, spec));
  }
}

/** Has a process started if needed and waits until it serves; returns the line to print. */
export async function ensureProcess(supervisor: SupervisorClient, spec: ProcessSpec): Promise<string> {
  let outcome = await supervisor.ensure(spec);
  try {
    await waitReady(spec);
  } catch (error) {
    // One that was there may have been about to stop.
    if (outcome !== 'running' || runningPid(spec) !== undefined) {
      throw error;
    }
    outcome = await supervisor.ensure(spec);
    await waitReady(spec);
  }
  return outcome === 'started' ? `${spec.name} started` : `${spec.name} is running`;
}
