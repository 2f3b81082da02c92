import type { V1Container, V1PodCondition } from '@kubelab/api';
import { nowSecond, Quantity } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import type { CriClient, LinuxContainerResources } from '@kubelab/cri';
import type { Events } from '../events.js';
import { podResources } from '../pod/resources.js';
import { isSidecar, type Pod } from '../pod/types.js';
import { containerResources } from '../runtime/container-config.js';
import { killContainer } from '../runtime/kill-container.js';
import { latestContainer, type PodRuntimeState, type RuntimeContainer } from '../runtime/types.js';

export interface ResizerOptions {
  cri: CriClient;
  events: Events;
  logger: Logger;
  memoryCapacityBytes: number;
  allocatable(): Record<string, string>;
  activePods(): Pod[];
  /** Sets the limits of the pod's cgroup to those of its spec. */
  updatePodCgroup(pod: Pod): Promise<void>;
}

type Amounts = Pick<LinuxContainerResources, 'cpu_shares' | 'cpu_quota' | 'memory_limit_in_bytes'>;

/** Changes resources of running containers in place (KEP-1287). */
export class Resizer {
  /** What was last set, by container id: runtimes round what they report. */
  private readonly applied = new Map<string, string>();
  private readonly conditions = new Map<string, V1PodCondition>();

  constructor(private readonly options: ResizerOptions) {}

  /** PodResizePending or PodResizeInProgress of a pod, while there is one. */
  condition(uid: string): V1PodCondition | undefined {
    return this.conditions.get(uid);
  }

  forget(uid: string, state: PodRuntimeState | undefined): void {
    this.conditions.delete(uid);
    for (const container of state?.containers ?? []) this.applied.delete(container.id);
  }

  /** Applies what differs. Resolves with whether anything was changed. */
  async resize(pod: Pod, state: PodRuntimeState): Promise<boolean> {
    const changes = this.changes(pod, state);
    if (changes.length === 0) return this.setCondition(pod.metadata.uid, undefined);
    const refusal = this.refusal(pod);
    if (refusal) return this.setCondition(pod.metadata.uid, pending(refusal));
    await this.options.updatePodCgroup(pod);
    for (const { container, runtime, wanted } of changes) {
      try {
        if (this.needsRestart(container, runtime.id, wanted)) {
          // Started again with its new resources by the worker's next look.
          const message = `Container ${container.name} resize requires restart`;
          const podIp = state.sandboxes[0]?.ips[0] ?? '';
          await killContainer(this.options, { pod, container, containerId: runtime.id, podIp, message });
          continue;
        }
        await this.options.cri.updateContainerResources({ container_id: runtime.id, linux: wanted });
        this.applied.set(runtime.id, key(wanted));
      } catch (error) {
        const message = `failed to resize container ${container.name}: ${(error as Error).message}`;
        this.options.events.pod(pod, 'Warning', 'ResizeError', message);
        this.setCondition(pod.metadata.uid, condition('PodResizeInProgress', 'Error', message));
        throw new Error(message, { cause: error });
      }
    }
    this.setCondition(pod.metadata.uid, undefined);
    return true;
  }

  private changes(pod: Pod, state: PodRuntimeState) {
    const containers = [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers];
    return containers.flatMap((container) => {
      const runtime = latestContainer(state, container.name);
      if (runtime?.state !== 'running') return [];
      const wanted = containerResources(pod, container, this.options.memoryCapacityBytes);
      const known = this.applied.get(runtime.id);
      if (known === undefined && !differs(container, wanted, runtime)) {
        this.applied.set(runtime.id, key(wanted));
        return [];
      }
      return known === key(wanted) ? [] : [{ container, runtime, wanted }];
    });
  }

  /** Whether a resource that changes may only change with a restart, by the container's resizePolicy. */
  private needsRestart(container: V1Container, id: string, wanted: Amounts): boolean {
    const [shares, quota, memory] = (this.applied.get(id) ?? '').split('/');
    const changed = {
      cpu: shares !== String(wanted.cpu_shares) || quota !== String(wanted.cpu_quota),
      memory: memory !== String(wanted.memory_limit_in_bytes),
    };
    return (container.resizePolicy ?? []).some(
      ({ resourceName, restartPolicy }) =>
        restartPolicy === 'RestartContainer' && changed[resourceName as keyof typeof changed],
    );
  }

  /** Why the node can't give what is asked: never (Infeasible), or not now (Deferred). */
  private refusal(pod: Pod): { reason: string; message: string } | undefined {
    const allocatable = this.options.allocatable();
    for (const name of ['cpu', 'memory']) {
      const wanted = podResources(pod, 'requests').get(name) ?? Quantity.zero;
      const total = Quantity.parseOrZero(allocatable[name]);
      const show = (quantity: Quantity) => (name === 'cpu' ? quantity.milliValue() : quantity.value());
      if (wanted.cmp(total) > 0) {
        const message = `Node didn't have enough capacity: ${name}, requested: ${show(wanted)}, capacity: ${show(total)}`;
        return { reason: 'Infeasible', message };
      }
      let used = Quantity.zero;
      for (const other of this.options.activePods()) {
        if (other.metadata.uid === pod.metadata.uid) continue;
        used = used.add(podResources(other, 'requests').get(name) ?? Quantity.zero);
      }
      if (used.add(wanted).cmp(total) > 0) {
        const message = `Node didn't have enough resource: ${name}, requested: ${show(wanted)}, used: ${show(used)}, capacity: ${show(total)}`;
        return { reason: 'Deferred', message };
      }
    }
    return undefined;
  }

  private setCondition(uid: string, next: V1PodCondition | undefined): boolean {
    const before = this.conditions.get(uid);
    if (before?.type === next?.type && before?.reason === next?.reason && before?.message === next?.message)
      return false;
    if (next) this.conditions.set(uid, next);
    else this.conditions.delete(uid);
    return true;
  }
}

const key = ({ cpu_shares, cpu_quota, memory_limit_in_bytes }: Amounts) =>
  `${cpu_shares}/${cpu_quota}/${memory_limit_in_bytes}`;

function condition(type: string, reason: string, message: string): V1PodCondition {
  return { type, status: 'True', reason, message, lastTransitionTime: nowSecond() };
}

const pending = ({ reason, message }: { reason: string; message: string }) =>
  condition('PodResizePending', reason, message);

/** Whether a running container has other limits than wanted, by what the runtime reports (only of what is set). */
function differs(container: V1Container, wanted: Amounts, { resources }: RuntimeContainer): boolean {
  if (!resources || !container.resources) return false;
  if (container.resources.limits?.memory && resources.memoryBytes !== Number(wanted.memory_limit_in_bytes)) return true;
  const quota = Number(wanted.cpu_quota);
  if (container.resources.limits?.cpu && resources.cpuQuota > 0 && Math.abs(resources.cpuQuota - quota) > 1_000)
    return true;
  return (
    Boolean(container.resources.requests?.cpu) &&
    resources.cpuShares > 0 &&
    Math.abs(resources.cpuShares - Number(wanted.cpu_shares)) > 10
  );
}
