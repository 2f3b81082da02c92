import { readFileSync } from 'node:fs';
import { parseDurationMs } from '@kubelab/component-base';
import { parse } from 'yaml';
import { defaultArgs, defaultConfig, defaultPlugins, defaultProfile } from './defaults.js';
import { toV1 } from './old-versions.js';
import { ConfigError, type RawConfig, type RawProfile } from './raw.js';
import type { PluginArgs, Profile, SchedulerConfig } from './types.js';
import { validateConfig } from './validate.js';

const group = 'kubescheduler.config.k8s.io';
const oldVersions = ['v1beta1', 'v1beta2', 'v1beta3'].map((v) => `${group}/${v}`);

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

/** Reads a configuration of any version since v1beta1. Throws ConfigError. */
export function compileConfig(given: RawConfig): { config: SchedulerConfig; process: ProcessConfig } {
  if (given.kind !== 'KubeSchedulerConfiguration') throw new ConfigError(`unexpected kind ${given.kind ?? ''}`);
  const old = oldVersions.includes(given.apiVersion ?? '');
  if (!old && given.apiVersion !== `${group}/v1`) {
    throw new ConfigError(`no kind "KubeSchedulerConfiguration" is registered for version "${given.apiVersion ?? ''}"`);
  }
  const raw = old ? toV1(given) : given;
  const config = defaultConfig();
  config.percentageOfNodesToScore = raw.percentageOfNodesToScore ?? 0;
  config.podInitialBackoffMs = (raw.podInitialBackoffSeconds ?? 1) * 1000;
  config.podMaxBackoffMs = (raw.podMaxBackoffSeconds ?? 10) * 1000;
  const profiles = raw.profiles ?? [];
  // Only a single profile may leave its name out.
  if (profiles.length > 0) config.profiles = profiles.map((p) => compileProfile(p, profiles.length === 1));
  config.extenders = (raw.extenders ?? []).map(({ httpTimeout, ...e }) => ({
    ...e,
    httpTimeoutMs: httpTimeout ? parseDurationMs(httpTimeout) : 5_000,
  }));
  validateConfig(config);
  const { kubeconfig, qps, burst } = raw.clientConnection ?? {};
  return { config, process: { kubeconfig, qps, burst, leaderElection: raw.leaderElection } };
}

function compileProfile(raw: RawProfile, alone: boolean): Profile {
  const multi = raw.plugins?.multiPoint;
  const off = new Set((multi?.disabled ?? []).map((d) => d.name));
  const own = multi?.enabled ?? [];
  // Configured plugins replace a default of the same name in its place; others come after the defaults.
  const kept = defaultPlugins
    .filter((p) => !off.has('*') && (!off.has(p.name) || own.some((o) => o.name === p.name)))
    .map((p) => own.find((o) => o.name === p.name) ?? p);
  const added = own.filter((o) => !kept.some((k) => k.name === o.name));
  return {
    ...defaultProfile(raw.schedulerName || (alone ? 'default-scheduler' : '')),
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
  for (const resource of [...fit.resources, ...args.NodeResourcesBalancedAllocation.resources]) resource.weight ||= 1;
  return args;
}
