import { Quantity } from '@kubelab/apimachinery';
import { parseDurationMs } from '@kubelab/component-base';

export const signals = [
  'memory.available',
  'allocatableMemory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'pid.available',
] as const;

export type Signal = (typeof signals)[number];

export interface Threshold {
  signal: Signal;
  /** Absolute amount, or a share of the capacity. */
  quantity?: number;
  share?: number;
  /** 0 for hard thresholds. */
  graceMs: number;
}

/** What of a signal is available now, and in all. */
export interface Observation {
  available: number;
  capacity: number;
}

export type Observations = Partial<Record<Signal, Observation>>;

function isSignal(name: string): name is Signal {
  return (signals as readonly string[]).includes(name);
}

/** Parses `memory.available<100Mi` and `nodefs.available<10%`. Throws for anything else. */
export function parseThresholds(items: string[], grace: Record<string, number> = {}, soft = false): Threshold[] {
  return items.flatMap((item) => {
    const [name = '', text = ''] = item.split('<');
    if (!isSignal(name)) throw new Error(`unsupported eviction signal ${JSON.stringify(name)}`);
    const graceMs = grace[name];
    if (soft && graceMs === undefined)
      throw new Error(`grace period must be specified for the soft eviction threshold ${name}`);
    const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
    const share = percent ? Number(percent[1]) / 100 : undefined;
    const quantity = share === undefined ? Quantity.tryParse(text)?.asNumber() : undefined;
    if (share === undefined && quantity === undefined)
      throw new Error(`not an eviction threshold: ${JSON.stringify(item)}`);
    // 0% and 100% turn a threshold off.
    if (share === 0 || share === 1) return [];
    return [{ signal: name, quantity, share, graceMs: soft ? (graceMs ?? 0) : 0 }];
  });
}

/** Parses `memory.available=1m30s`. */
export function parseGrace(items: string[]): Record<string, number> {
  return Object.fromEntries(
    items.map((item) => {
      const [name = '', text = ''] = item.split('=');
      if (!isSignal(name)) throw new Error(`unsupported eviction signal ${JSON.stringify(name)}`);
      return [name, parseDurationMs(text)];
    }),
  );
}

/** The absolute amount of a threshold. */
export function amount(threshold: Threshold, observation: Observation): number {
  return threshold.quantity ?? observation.capacity * (threshold.share ?? 0);
}

export function isMet(threshold: Threshold, observations: Observations): boolean {
  const observation = observations[threshold.signal];
  return observation !== undefined && observation.available < amount(threshold, observation);
}

/**
 * Hard thresholds of the machine's memory hold for what is left of the node allocatable too, where pods are held to it:
 * their cgroup's limit is reached while the machine still has memory.
 */
export function withAllocatable(thresholds: Threshold[]): Threshold[] {
  const hard = thresholds.filter(({ signal, graceMs }) => signal === 'memory.available' && graceMs === 0);
  return [
    ...thresholds,
    ...hard.map((threshold) => ({ ...threshold, signal: 'allocatableMemory.available' as const })),
  ];
}

export function isMemory(signal: Signal): boolean {
  return signal === 'memory.available' || signal === 'allocatableMemory.available';
}

/** The node condition a signal stands for. */
export function conditionOf(signal: Signal): 'MemoryPressure' | 'DiskPressure' | 'PIDPressure' {
  if (isMemory(signal)) return 'MemoryPressure';
  return signal === 'pid.available' ? 'PIDPressure' : 'DiskPressure';
}

/** The resource a signal is about, as messages name it. */
export function resourceOf(signal: Signal): string {
  const names: Record<Signal, string> = {
    'memory.available': 'memory',
    'allocatableMemory.available': 'memory',
    'nodefs.available': 'ephemeral-storage',
    'nodefs.inodesFree': 'inodes',
    'imagefs.available': 'ephemeral-storage',
    'imagefs.inodesFree': 'inodes',
    'pid.available': 'pids',
  };
  return names[signal];
}
