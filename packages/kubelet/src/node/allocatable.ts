import { Quantity } from '@kubelab/apimachinery';
import type { MachineInfo } from './machine.js';

export interface CapacityInput {
  machine: MachineInfo;
  maxPods: number;
  ephemeralStorageBytes: number;
  /** Extended resources of device plugins. */
  extended: { capacity: Record<string, string>; allocatable: Record<string, string> };
  /** Extended resources that somebody else wrote into the node's capacity. */
  foreign: Record<string, string>;
}

export interface Reservations {
  /** --kube-reserved and --system-reserved: cpu, memory, ephemeral-storage, pid. */
  kube: Record<string, string>;
  system: Record<string, string>;
  /** Hard eviction threshold of memory.available and nodefs.available, in bytes. */
  evictionMemoryBytes: number;
  evictionStorageBytes: number;
}

export function nodeCapacity(input: CapacityInput): Record<string, string> {
  return {
    cpu: String(input.machine.cpus),
    memory: `${Math.floor(input.machine.memoryBytes / 1024)}Ki`,
    'ephemeral-storage': `${Math.floor(input.ephemeralStorageBytes / 1024)}Ki`,
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    pods: String(input.maxPods),
    ...input.foreign,
    ...input.extended.capacity,
  };
}

/** Extended resources in a node's capacity that are not this agent's own: an administrator may advertise any. */
export function foreignResources(
  capacity: Record<string, string> | undefined,
  own: Record<string, string>,
): Record<string, string> {
  const isExtended = (name: string): boolean => name.includes('/') && !name.includes('kubernetes.io/');
  return Object.fromEntries(Object.entries(capacity ?? {}).filter(([name]) => isExtended(name) && !(name in own)));
}

/** What pods may use: capacity without what is reserved and what hard eviction keeps free. */
export function nodeAllocatable(
  capacity: Record<string, string>,
  reservations: Reservations,
  extended: Record<string, string>,
): Record<string, string> {
  const result: Record<string, string> = {};
  const kept: Record<string, number> = {
    memory: reservations.evictionMemoryBytes,
    'ephemeral-storage': reservations.evictionStorageBytes,
  };
  for (const [name, text] of Object.entries(capacity)) {
    let value = Quantity.parse(text);
    for (const reserved of [reservations.kube[name], reservations.system[name]]) {
      value = value.sub(Quantity.parseOrZero(reserved));
    }
    if (kept[name]) value = value.sub(Quantity.fromValue(Math.ceil(kept[name])));
    if (value.sign() < 0) value = Quantity.zero;
    // Kubernetes shows ephemeral storage in bytes here.
    result[name] = name === 'ephemeral-storage' ? String(value.value()) : value.toString();
  }
  return { ...result, ...extended };
}

/** Parses `cpu=100m,memory=256Mi`. Throws for what is not name=quantity. */
export function parseResourceList(items: string[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (const item of items) {
    const [name, text] = item.split('=');
    if (!name || !text || !Quantity.tryParse(text)) throw new Error(`not a resource amount: ${JSON.stringify(item)}`);
    result[name] = text;
  }
  return result;
}
