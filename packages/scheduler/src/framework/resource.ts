import type { V1Container, V1ContainerStatus, V1Pod } from '@kubelab/api';
import { Quantity } from '@kubelab/apimachinery';

/** Requested or allocatable resources: CPU in thousandths of a core, the rest in units or bytes. */
export interface Resource {
  milliCpu: number;
  memory: number;
  ephemeralStorage: number;
  /** Only of nodes. */
  pods: number;
  /** Extended resources and huge pages; undefined where there are none (most pods). */
  scalars: Map<string, number> | undefined;
}

/** What a container without a request counts as when nodes are scored (not when they are filtered). */
export const defaultMilliCpu = 100;
export const defaultMemory = 200 * 1024 * 1024;

export const emptyResource = (): Resource => ({
  milliCpu: 0,
  memory: 0,
  ephemeralStorage: 0,
  pods: 0,
  scalars: undefined,
});

export const copyResource = (r: Resource): Resource => ({ ...r, scalars: r.scalars && new Map(r.scalars) });

export function addResource(to: Resource, r: Resource, sign: 1 | -1 = 1): void {
  to.milliCpu += sign * r.milliCpu;
  to.memory += sign * r.memory;
  to.ephemeralStorage += sign * r.ephemeralStorage;
  if (!r.scalars) return;
  to.scalars ??= new Map();
  for (const [name, value] of r.scalars) to.scalars.set(name, (to.scalars.get(name) ?? 0) + sign * value);
}

function maxResource(to: Resource, r: Resource): void {
  to.milliCpu = Math.max(to.milliCpu, r.milliCpu);
  to.memory = Math.max(to.memory, r.memory);
  to.ephemeralStorage = Math.max(to.ephemeralStorage, r.ephemeralStorage);
  if (!r.scalars) return;
  to.scalars ??= new Map();
  for (const [name, value] of r.scalars) to.scalars.set(name, Math.max(to.scalars.get(name) ?? 0, value));
}

/** Parsed quantities: a cluster uses few different texts, and parsing is exact arithmetic. */
const milliCache = new Map<string, number>();
const unitCache = new Map<string, number>();
const cacheLimit = 10_000;

function cached(cache: Map<string, number>, text: string, parse: (q: Quantity) => bigint): number {
  let value = cache.get(text);
  if (value === undefined) {
    const quantity = Quantity.tryParse(text);
    value = quantity ? Number(parse(quantity)) : 0;
    if (cache.size >= cacheLimit) cache.clear();
    cache.set(text, value);
  }
  return value;
}

export const milliOf = (text: string): number => cached(milliCache, String(text), (q) => q.milliValue());
export const unitsOf = (text: string): number => cached(unitCache, String(text), (q) => q.value());

/** Reads a resource list (`{cpu: "1", memory: "1Gi"}`). */
export function resourceOf(list: Record<string, string> | undefined): Resource {
  const r = emptyResource();
  for (const name in list) {
    const text = list[name] as string;
    if (name === 'cpu') r.milliCpu = milliOf(text);
    else if (name === 'memory') r.memory = unitsOf(text);
    else if (name === 'ephemeral-storage') r.ephemeralStorage = unitsOf(text);
    else if (name === 'pods') r.pods = unitsOf(text);
    else {
      r.scalars ??= new Map();
      r.scalars.set(name, unitsOf(text));
    }
  }
  return r;
}

/**
 * While a container is resized in place (KEP-1287) the most of what it wants, has and was given counts; a resize that
 * the node can't ever do does not.
 */
function containerRequest(c: V1Container, nonZero: boolean, status?: V1ContainerStatus, infeasible = false): Resource {
  const r = resourceOf(status?.resources && infeasible ? status.resources.requests : c.resources?.requests);
  if (status?.resources) {
    maxResource(r, resourceOf(status.resources.requests));
    maxResource(r, resourceOf(status.allocatedResources));
  }
  if (nonZero) {
    if (c.resources?.requests?.cpu === undefined) r.milliCpu = defaultMilliCpu;
    if (c.resources?.requests?.memory === undefined) r.memory = defaultMemory;
  }
  return r;
}

/**
 * What a pod needs: the sum of its containers and sidecars, or the most any of its init containers needs (with the
 * sidecars started before it) where that is more, plus overhead. Pod-level requests (KEP-2837) win for their names.
 */
export function podRequest(pod: V1Pod, nonZero = false): Resource {
  const spec = pod.spec;
  const total = emptyResource();
  if (!spec) return total;
  const infeasible = (pod.status?.conditions ?? []).some(
    (c) => c.type === 'PodResizePending' && c.reason === 'Infeasible',
  );
  const statusOf = (name: string, all: V1ContainerStatus[] | undefined) => all?.find((s) => s.name === name);
  for (const c of spec.containers) {
    const status = statusOf(c.name, pod.status?.containerStatuses);
    addResource(total, containerRequest(c, nonZero, status, infeasible));
  }
  if (spec.initContainers?.length) {
    const sidecars = emptyResource();
    const init = emptyResource();
    for (const c of spec.initContainers) {
      const sidecar = c.restartPolicy === 'Always';
      const status = sidecar ? statusOf(c.name, pod.status?.initContainerStatuses) : undefined;
      const own = containerRequest(c, nonZero, status, infeasible);
      if (sidecar) {
        addResource(total, own);
        addResource(sidecars, own);
        maxResource(init, sidecars);
      } else {
        addResource(own, sidecars);
        maxResource(init, own);
      }
    }
    maxResource(total, init);
  }
  const podLevel = spec.resources?.requests;
  if (podLevel) {
    if (podLevel.cpu !== undefined) total.milliCpu = milliOf(podLevel.cpu);
    if (podLevel.memory !== undefined) total.memory = unitsOf(podLevel.memory);
  }
  if (spec.overhead) addResource(total, resourceOf(spec.overhead));
  return total;
}
