import { readFileSync } from 'node:fs';
import { parseDurationMs } from '@kubelab/component-base';
import { parse } from 'yaml';
import { defaultArgs, defaultConfig, defaultPlugins, defaultProfile } from './defaults.js';
import type { ExtenderConfig, PluginArgs, PluginSet, PointName, Profile, SchedulerConfig } from './types.js';

/** kubescheduler.config.k8s.io/v1 KubeSchedulerConfiguration, what is read of it here. */
interface RawConfig {
  apiVersion?: string;
  kind?: string;
  percentageOfNodesToScore?: number;
  podInitialBackoffSeconds?: number;
  podMaxBackoffSeconds?: number;
  profiles?: RawProfile[];
  extenders?: (Omit<ExtenderConfig, 'httpTimeoutMs'> & { httpTimeout?: string })[];
  clientConnection?: { kubeconfig?: string; qps?: number; burst?: number };
  leaderElection?: {
    leaderElect?: boolean;
    leaseDuration?: string;
    renewDeadline?: string;
    retryPeriod?: string;
    resourceName?: string;
    resourceNamespace?: string;
  };
}

interface RawProfile {
  schedulerName?: string;
  percentageOfNodesToScore?: number;
  plugins?: Partial<Record<PointName | 'multiPoint', PluginSet>>;
  pluginConfig?: { name: string; args?: Record<string, unknown> }[];
}

/** A KubeSchedulerConfiguration file that can't be used; the message says why. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** What the file says about the process rather than about scheduling; flags win over it. */
export interface ProcessConfig {
  kubeconfig?: string;
  qps?: number;
  burst?: number;
  leaderElection: RawConfig['leaderElection'];
}

/** Whether a `--config` file is a KubeSchedulerConfiguration (and not a file of flag names). */
export function isSchedulerConfiguration(file: string): boolean {
  const raw = parse(readFileSync(file, 'utf8')) as RawConfig | null;
  return raw?.kind === 'KubeSchedulerConfiguration';
}

/** Reads a KubeSchedulerConfiguration and fills in defaults. */
export function loadConfigFile(file: string): { config: SchedulerConfig; process: ProcessConfig } {
  return compileConfig((parse(readFileSync(file, 'utf8')) ?? {}) as RawConfig);
}

export function compileConfig(raw: RawConfig): { config: SchedulerConfig; process: ProcessConfig } {
  if (raw.kind !== 'KubeSchedulerConfiguration') throw new ConfigError(`unexpected kind ${raw.kind ?? ''}`);
  if (raw.apiVersion !== 'kubescheduler.config.k8s.io/v1') {
    throw new ConfigError(`no kind "KubeSchedulerConfiguration" is registered for version "${raw.apiVersion ?? ''}"`);
  }
  const config = defaultConfig();
  config.percentageOfNodesToScore = raw.percentageOfNodesToScore ?? 0;
  if (config.percentageOfNodesToScore < 0 || config.percentageOfNodesToScore > 100) {
    throw new ConfigError('percentageOfNodesToScore: not in valid range [0-100]');
  }
  config.podInitialBackoffMs = (raw.podInitialBackoffSeconds ?? 1) * 1000;
  config.podMaxBackoffMs = (raw.podMaxBackoffSeconds ?? 10) * 1000;
  if (raw.profiles?.length) config.profiles = raw.profiles.map(compileProfile);
  const names = config.profiles.map((p) => p.schedulerName);
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw new ConfigError(`profiles: duplicate schedulerName "${twice}"`);
  config.extenders = (raw.extenders ?? []).map(({ httpTimeout, ...e }) => ({
    ...e,
    httpTimeoutMs: httpTimeout ? parseDurationMs(httpTimeout) : 5_000,
  }));
  const { kubeconfig, qps, burst } = raw.clientConnection ?? {};
  return { config, process: { kubeconfig, qps, burst, leaderElection: raw.leaderElection } };
}

function compileProfile(raw: RawProfile): Profile {
  const multi = raw.plugins?.multiPoint;
  const off = new Set((multi?.disabled ?? []).map((d) => d.name));
  const own = multi?.enabled ?? [];
  // Configured plugins replace a default of the same name in its place; others come after the defaults.
  const kept = defaultPlugins
    .filter((p) => !off.has('*') && (!off.has(p.name) || own.some((o) => o.name === p.name)))
    .map((p) => own.find((o) => o.name === p.name) ?? p);
  const added = own.filter((o) => !kept.some((k) => k.name === o.name));
  return {
    ...defaultProfile(raw.schedulerName || 'default-scheduler'),
    percentageOfNodesToScore: raw.percentageOfNodesToScore,
    plugins: { ...raw.plugins, multiPoint: { enabled: [...kept, ...added] } },
    args: compileArgs(raw.pluginConfig ?? []),
  };
}

function compileArgs(pluginConfig: NonNullable<RawProfile['pluginConfig']>): PluginArgs {
  const args = defaultArgs();
  for (const { name, args: given } of pluginConfig) {
    if (!(name in args)) throw new ConfigError(`pluginConfig: plugin "${name}" takes no arguments`);
    if (!given) continue;
    const { apiVersion: _v, kind: _k, defaultingType, ...rest } = given;
    const key = name as keyof PluginArgs;
    Object.assign(args[key], rest);
    if (key === 'PodTopologySpread' && defaultingType === 'List') {
      args.PodTopologySpread.systemDefaulted = false;
      if (!rest.defaultConstraints) args.PodTopologySpread.defaultConstraints = [];
    }
  }
  const fit = args.NodeResourcesFit.scoringStrategy;
  fit.type ??= 'LeastAllocated';
  fit.resources ??= defaultArgs().NodeResourcesFit.scoringStrategy.resources;
  return args;
}
