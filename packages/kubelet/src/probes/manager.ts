import type { Logger } from '@kubelab/component-base';
import type { CriClient } from '@kubelab/cri';
import type { Events } from '../events.js';
import { allContainers, isSidecar, type Pod } from '../pod/types.js';
import type { ProbeResult } from '../runtime/compute-actions.js';
import { latestContainer, type PodRuntimeState } from '../runtime/types.js';
import type { ProbeKind } from './outcome.js';
import { ProbeWorker } from './worker.js';

export interface ProbeManagerOptions {
  cri: CriClient;
  events: Events;
  logger: Logger;
  /** Some result of the pod has changed. */
  onChange(podUid: string): void;
  onRun?(kind: ProbeKind, result: 'successful' | 'failed' | 'unknown'): void;
}

interface PodProbes {
  workers: Map<string, { worker: ProbeWorker; kind: ProbeKind; container: string }>;
}

const kinds: ProbeKind[] = ['startup', 'liveness', 'readiness'];

/** All probes of all pods, and their results by container id. */
export class ProbeManager {
  private readonly pods = new Map<string, PodProbes>();
  private readonly results: Record<ProbeKind, Map<string, ProbeResult>> = {
    startup: new Map(),
    liveness: new Map(),
    readiness: new Map(),
  };

  constructor(private readonly options: ProbeManagerOptions) {}

  startup(id: string): ProbeResult | undefined {
    return this.results.startup.get(id);
  }
  liveness(id: string): ProbeResult | undefined {
    return this.results.liveness.get(id);
  }
  readiness(id: string): ProbeResult | undefined {
    return this.results.readiness.get(id);
  }

  /**
   * Takes what an earlier agent found out from the pod's status, so that after a restart of the agent a ready container
   * stays ready until its probe says otherwise.
   */
  adopt(pod: Pod, state: PodRuntimeState): void {
    const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
    for (const status of statuses) {
      const container = latestContainer(state, status.name);
      if (container?.state !== 'running' || !status.containerID?.endsWith(container.id)) continue;
      if (status.started) this.results.startup.set(container.id, 'success');
      if (status.ready) this.results.readiness.set(container.id, 'success');
    }
  }

  /** Brings the pod's probes in line with its containers. Called by its worker after each look at the runtime. */
  update(pod: Pod, state: PodRuntimeState): void {
    const probes = this.podProbes(pod);
    if (!probes) return;
    const podIp = state.sandboxes[0]?.ips[0] ?? pod.status?.hostIP ?? '';
    for (const { worker, container } of probes.workers.values()) {
      const status = latestContainer(state, container);
      if (status?.state !== 'running') {
        worker.setTarget(undefined);
        continue;
      }
      const hasStartup = probes.workers.has(`${container}/startup`);
      const started = !hasStartup || this.startup(status.id) === 'success';
      worker.setTarget({ containerId: status.id, startedAt: status.startedAt, podIp, started });
    }
    this.forgetOld(pod.metadata.uid, state);
  }

  /** While a pod terminates only readiness is still probed. */
  stopLivenessAndStartup(podUid: string): void {
    const probes = this.pods.get(podUid);
    for (const [key, { worker, kind }] of probes?.workers ?? []) {
      if (kind === 'readiness') continue;
      worker.stop();
      probes?.workers.delete(key);
    }
  }

  remove(podUid: string): void {
    for (const { worker } of this.pods.get(podUid)?.workers.values() ?? []) worker.stop();
    this.pods.delete(podUid);
    this.forgetOld(podUid, undefined);
  }

  close(): void {
    for (const uid of [...this.pods.keys()]) this.remove(uid);
  }

  private readonly owners = new Map<string, string>();

  private forgetOld(podUid: string, state: PodRuntimeState | undefined): void {
    const alive = new Set(state?.containers.map((container) => container.id));
    for (const [id, owner] of this.owners) {
      if (owner !== podUid || alive.has(id)) continue;
      this.owners.delete(id);
      for (const kind of kinds) this.results[kind].delete(id);
    }
  }

  private podProbes(pod: Pod): PodProbes | undefined {
    const { uid } = pod.metadata;
    const known = this.pods.get(uid);
    if (known) return known;
    const workers: PodProbes['workers'] = new Map();
    for (const { container, kind: containerKind } of allContainers(pod)) {
      if (containerKind === 'ephemeral' || (containerKind === 'init' && !isSidecar(container))) continue;
      for (const kind of kinds) {
        const probe = container[`${kind}Probe`];
        if (!probe) continue;
        const worker = new ProbeWorker({
          ...this.options,
          pod,
          container,
          kind,
          probe,
          onResult: (containerId, result) => {
            this.owners.set(containerId, uid);
            this.results[kind].set(containerId, result);
            this.options.onChange(uid);
          },
        });
        workers.set(`${container.name}/${kind}`, { worker, kind, container: container.name });
      }
    }
    if (workers.size === 0) return undefined;
    const probes = { workers };
    this.pods.set(uid, probes);
    return probes;
  }
}
