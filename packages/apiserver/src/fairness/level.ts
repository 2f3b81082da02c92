import type { V1PriorityLevelConfiguration, V1PriorityLevelConfigurationSpec } from '@kubelab/api';
import { QueueSet, type QueuingLimits } from './queue-set.js';
import type { LevelSeats } from './seat-limits.js';

/** A priority level as it works. */
export interface LevelState {
  name: string;
  uid: string;
  exempt: boolean;
  spec: V1PriorityLevelConfigurationSpec;
  queues: QueueSet;
  smoothDemand: number;
  highDemand: number;
  seats?: LevelSeats;
}

export function sharesOf(spec: V1PriorityLevelConfigurationSpec): number {
  return spec.type === 'Exempt'
    ? (spec.exempt?.nominalConcurrencyShares ?? 0)
    : (spec.limited?.nominalConcurrencyShares ?? 30);
}

export function queuingOf(spec: V1PriorityLevelConfigurationSpec): QueuingLimits | undefined {
  const response = spec.limited?.limitResponse;
  if (spec.type === 'Exempt' || response?.type !== 'Queue') return undefined;
  const { queues = 64, handSize = 8, queueLengthLimit = 50 } = response.queuing ?? {};
  return {
    queues: Math.max(1, queues),
    handSize: Math.max(1, handSize),
    queueLengthLimit: Math.max(1, queueLengthLimit),
  };
}

/** The level for a configuration; one that exists keeps its queues and what waits in them. */
export function levelFor(configuration: V1PriorityLevelConfiguration, existing: LevelState | undefined): LevelState {
  const spec = configuration.spec ?? { type: 'Limited' };
  const exempt = spec.type === 'Exempt';
  const queuing = queuingOf(spec);
  const seats = exempt ? Number.POSITIVE_INFINITY : (existing?.seats?.current ?? 1);
  if (existing && existing.exempt === exempt) existing.queues.configure(seats, queuing);
  return {
    name: configuration.metadata?.name ?? '',
    uid: configuration.metadata?.uid ?? '',
    exempt,
    spec,
    queues: existing && existing.exempt === exempt ? existing.queues : new QueueSet(seats, queuing),
    smoothDemand: existing?.smoothDemand ?? 0,
    highDemand: existing?.highDemand ?? 0,
  };
}
