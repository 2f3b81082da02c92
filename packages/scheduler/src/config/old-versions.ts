import { ConfigError, type RawConfig, type RawPluginConfig, type RawProfile } from './raw.js';
import type { PluginSet } from './types.js';

/** Scoring plugins of v1beta1 that became strategies of NodeResourcesFit. */
const strategies: Record<string, string> = {
  NodeResourcesLeastAllocated: 'LeastAllocated',
  NodeResourcesMostAllocated: 'MostAllocated',
  RequestedToCapacityRatio: 'RequestedToCapacityRatio',
};

/** Plugins that others do the work of today: they may stand in an old file. */
const absorbed = new Set([
  'SelectorSpread',
  'EBSLimits',
  'GCEPDLimits',
  'AzureDiskLimits',
  'CinderLimits',
  'NonCSILimits',
]);
/** Plugins that Kubernetes removed without a successor: turning them off is fine, turning them on is not. */
const removed = new Set(['NodePreferAvoidPods', 'NodeLabel', 'ServiceAffinity']);

/** Brings v1beta1, v1beta2 and v1beta3 files to v1, as far as their plugins still exist. */
export function toV1(raw: RawConfig): RawConfig {
  return { ...raw, profiles: raw.profiles?.map(convertProfile) };
}

function convertProfile(profile: RawProfile): RawProfile {
  const enabled = Object.values(profile.plugins ?? {}).flatMap((set) => set?.enabled ?? []);
  const strategy = enabled.find(({ name }) => name in strategies);
  const plugins = Object.fromEntries(
    Object.entries(profile.plugins ?? {}).map(([point, set]) => [point, convertSet(set ?? {}, profile)]),
  );
  return { ...profile, plugins, pluginConfig: convertArgs(profile.pluginConfig ?? [], strategy?.name) };
}

function convertSet(set: PluginSet, profile: RawProfile): PluginSet {
  const rename = (name: string): string => (name in strategies ? 'NodeResourcesFit' : name);
  const gone = (name: string): boolean => absorbed.has(name) || removed.has(name);
  const bad = set.enabled?.find(({ name }) => removed.has(name));
  if (bad) {
    throw new ConfigError(`profile ${profile.schedulerName ?? ''}: plugin "${bad.name}" was removed from Kubernetes`);
  }
  const enabled = (set.enabled ?? []).filter((p) => !gone(p.name)).map((p) => ({ ...p, name: rename(p.name) }));
  const disabled = (set.disabled ?? [])
    .filter((p) => !gone(p.name))
    .map((p) => ({ name: rename(p.name) }))
    // Off by its old name and on by another: the same plugin now, and on.
    .filter((p) => p.name === '*' || !enabled.some((e) => e.name === p.name));
  return { enabled, disabled };
}

function convertArgs(pluginConfig: RawPluginConfig[], strategy: string | undefined): RawPluginConfig[] {
  const kept = pluginConfig.filter(({ name }) => !(name in strategies) && !absorbed.has(name) && !removed.has(name));
  if (!strategy) return kept;
  const { resources, shape } = (pluginConfig.find(({ name }) => name === strategy)?.args ?? {}) as {
    resources?: unknown;
    shape?: unknown;
  };
  const fit = kept.find(({ name }) => name === 'NodeResourcesFit');
  const scoringStrategy = {
    type: strategies[strategy],
    ...(resources ? { resources } : {}),
    ...(shape ? { requestedToCapacityRatio: { shape } } : {}),
  };
  return [
    ...kept.filter((c) => c !== fit),
    {
      name: 'NodeResourcesFit',
      args: { ...fit?.args, scoringStrategy: fit?.args?.scoringStrategy ?? scoringStrategy },
    },
  ];
}
