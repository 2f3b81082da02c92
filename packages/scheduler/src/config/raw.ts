import type { ExtenderConfig, PluginSet, PointName } from './types.js';

/** kubescheduler.config.k8s.io KubeSchedulerConfiguration as written in a file. */
export interface RawConfig {
  apiVersion?: string;
  kind?: string;
  percentageOfNodesToScore?: number;
  podInitialBackoffSeconds?: number;
  podMaxBackoffSeconds?: number;
  /** How many nodes are looked at in parallel: read, but this scheduler looks at one after the other. */
  parallelism?: number;
  profiles?: RawProfile[];
  extenders?: RawExtender[];
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

export type RawExtender = Omit<ExtenderConfig, 'httpTimeoutMs'> & { httpTimeout?: string };

export interface RawProfile {
  schedulerName?: string;
  percentageOfNodesToScore?: number;
  plugins?: Partial<Record<PointName | 'multiPoint', PluginSet>>;
  pluginConfig?: RawPluginConfig[];
}

export interface RawPluginConfig {
  name: string;
  args?: Record<string, unknown>;
}

/** A KubeSchedulerConfiguration file that can't be used; the message says why. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
