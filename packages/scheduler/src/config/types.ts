import type { V1NodeAffinity, V1TopologySpreadConstraint } from '@kubelab/api';

/** Arguments of plugins as in kubescheduler.config.k8s.io/v1, with defaults filled in. */
export interface NodeAffinityArgs {
  addedAffinity?: V1NodeAffinity;
}

export interface InterPodAffinityArgs {
  hardPodAffinityWeight: number;
  ignorePreferredTermsOfExistingPods: boolean;
}

export interface ResourceWeight {
  name: string;
  weight: number;
}

export interface UtilizationShapePoint {
  /** Percent. */
  utilization: number;
  /** 0..10. */
  score: number;
}

export interface NodeResourcesFitArgs {
  ignoredResources?: string[];
  ignoredResourceGroups?: string[];
  scoringStrategy: {
    type: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio';
    resources: ResourceWeight[];
    requestedToCapacityRatio?: { shape: UtilizationShapePoint[] };
  };
}

export interface NodeResourcesBalancedAllocationArgs {
  resources: ResourceWeight[];
}

export interface PodTopologySpreadArgs {
  defaultConstraints: V1TopologySpreadConstraint[];
  /** The defaults are the system's (zone and host name), not configured ones. */
  systemDefaulted: boolean;
}

export interface DefaultPreemptionArgs {
  minCandidateNodesPercentage: number;
  minCandidateNodesAbsolute: number;
}

export interface VolumeBindingArgs {
  bindTimeoutSeconds: number;
}

export interface PluginArgs {
  NodeAffinity: NodeAffinityArgs;
  InterPodAffinity: InterPodAffinityArgs;
  NodeResourcesFit: NodeResourcesFitArgs;
  NodeResourcesBalancedAllocation: NodeResourcesBalancedAllocationArgs;
  PodTopologySpread: PodTopologySpreadArgs;
  DefaultPreemption: DefaultPreemptionArgs;
  VolumeBinding: VolumeBindingArgs;
}

/** Plugins of one extension point, or of all (`multiPoint`). */
export interface PluginSet {
  enabled?: { name: string; weight?: number }[];
  disabled?: { name: string }[];
}

export const pointNames = [
  'preEnqueue',
  'queueSort',
  'preFilter',
  'filter',
  'postFilter',
  'preScore',
  'score',
  'reserve',
  'permit',
  'preBind',
  'bind',
  'postBind',
] as const;
export type PointName = (typeof pointNames)[number];

export interface Profile {
  schedulerName: string;
  percentageOfNodesToScore?: number;
  plugins: Partial<Record<PointName | 'multiPoint', PluginSet>>;
  args: PluginArgs;
}

export interface ExtenderConfig {
  urlPrefix: string;
  filterVerb?: string;
  prioritizeVerb?: string;
  bindVerb?: string;
  preemptVerb?: string;
  weight?: number;
  enableHTTPS?: boolean;
  /** Milliseconds. */
  httpTimeoutMs: number;
  nodeCacheCapable?: boolean;
  managedResources?: { name: string; ignoredByScheduler?: boolean }[];
  ignorable?: boolean;
  tlsConfig?: { insecure?: boolean; caFile?: string; certFile?: string; keyFile?: string };
}

/** KubeSchedulerConfiguration after defaults. */
export interface SchedulerConfig {
  /** 0: adaptive. */
  percentageOfNodesToScore: number;
  podInitialBackoffMs: number;
  podMaxBackoffMs: number;
  profiles: Profile[];
  extenders: ExtenderConfig[];
}
