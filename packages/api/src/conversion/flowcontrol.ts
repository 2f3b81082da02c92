import type { V1PriorityLevelConfiguration } from '../generated/types.js';

type Limited = NonNullable<NonNullable<V1PriorityLevelConfiguration['spec']>['limited']>;
/** v1beta1 and v1beta2: shares are called assuredConcurrencyShares. */
export interface OldPriorityLevelConfiguration extends Omit<V1PriorityLevelConfiguration, 'spec'> {
  spec?: Omit<NonNullable<V1PriorityLevelConfiguration['spec']>, 'limited'> & {
    limited?: Omit<Limited, 'nominalConcurrencyShares'> & { assuredConcurrencyShares?: number };
  };
}

/** To flowcontrol v1. */
export function priorityLevelToStorage(old: OldPriorityLevelConfiguration): V1PriorityLevelConfiguration {
  const limited = old.spec?.limited;
  if (!old.spec || !limited) return old as V1PriorityLevelConfiguration;
  const { assuredConcurrencyShares, ...rest } = limited;
  const shares = assuredConcurrencyShares === undefined ? {} : { nominalConcurrencyShares: assuredConcurrencyShares };
  return { ...old, spec: { ...old.spec, limited: { ...rest, ...shares } } };
}

/** From flowcontrol v1. */
export function priorityLevelFromStorage(stored: V1PriorityLevelConfiguration): OldPriorityLevelConfiguration {
  const limited = stored.spec?.limited;
  if (!stored.spec || !limited) return stored;
  const { nominalConcurrencyShares, ...rest } = limited;
  const shares = nominalConcurrencyShares === undefined ? {} : { assuredConcurrencyShares: nominalConcurrencyShares };
  return { ...stored, spec: { ...stored.spec, limited: { ...rest, ...shares } } };
}
