import type { V1Container } from '@kubelab/api';
import { Quantity } from '@kubelab/apimachinery';
import { isSidecar, type Pod } from './types.js';

export type ResourceMap = Map<string, Quantity>;

const minShares = 2;
const maxShares = 262_144;
const minQuotaUs = 1_000;
/** The CFS period, in microseconds. */
export const quotaPeriodUs = 100_000;

/** cgroup v1 CPU shares of a CPU request in thousandths. */
export function milliCpuToShares(milli: number): number {
  if (milli <= 0) return minShares;
  return Math.min(maxShares, Math.max(minShares, Math.floor((milli * 1024) / 1000)));
}

/** CFS quota in microseconds of a CPU limit in thousandths; 0 is no limit. */
export function milliCpuToQuota(milli: number, periodUs = quotaPeriodUs): number {
  if (milli <= 0) return 0;
  return Math.max(minQuotaUs, Math.floor((milli * periodUs) / 1000));
}

function add(total: ResourceMap, part: Record<string, string> | undefined): void {
  for (const [name, text] of Object.entries(part ?? {})) {
    const value = Quantity.parse(text);
    total.set(name, total.get(name)?.add(value) ?? value);
  }
}

function raise(total: ResourceMap, other: ResourceMap): void {
  for (const [name, value] of other) {
    total.set(name, total.get(name)?.max(value) ?? value);
  }
}

/**
 * What a pod needs while it lives: the sum over containers and sidecars, or the largest init container with the
 * sidecars started before it, plus overhead; pod-level resources override (KEP-2837).
 */
export function podResources(pod: Pod, which: 'requests' | 'limits'): ResourceMap {
  const of = (container: V1Container) => {
    const resources = container.resources;
    return which === 'limits' ? resources?.limits : { ...resources?.limits, ...resources?.requests };
  };
  const total: ResourceMap = new Map();
  for (const container of pod.spec.containers) add(total, of(container));
  const sidecars: ResourceMap = new Map();
  const peak: ResourceMap = new Map();
  for (const container of pod.spec.initContainers ?? []) {
    const now: ResourceMap = new Map(sidecars);
    add(now, of(container));
    if (isSidecar(container)) {
      add(sidecars, of(container));
      add(total, of(container));
    }
    raise(peak, now);
  }
  raise(total, peak);
  for (const [name, text] of Object.entries(pod.spec.resources?.[which] ?? {})) total.set(name, Quantity.parse(text));
  if (which === 'requests' || total.size > 0) add(total, pod.spec.overhead);
  return total;
}

/** Whether every regular container and sidecar limits this resource, so that the pod's cgroup can. */
export function allLimited(pod: Pod, name: string): boolean {
  if (pod.spec.resources?.limits?.[name]) return true;
  const running = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  return running.every((container) => !Quantity.parseOrZero(container.resources?.limits?.[name]).isZero());
}
