import type { V1TopologySpreadConstraint } from '@kubelab/api';
import type { PluginArgs, PluginSet, Profile, ResourceWeight, SchedulerConfig } from './types.js';

/** Default plugins in Kubernetes' order, with the weights of those that score. */
export const defaultPlugins: NonNullable<PluginSet['enabled']> = [
  { name: 'SchedulingGates' },
  { name: 'PrioritySort' },
  { name: 'NodeUnschedulable' },
  { name: 'NodeName' },
  { name: 'TaintToleration', weight: 3 },
  { name: 'NodeAffinity', weight: 2 },
  { name: 'NodePorts' },
  { name: 'NodeResourcesFit', weight: 1 },
  { name: 'VolumeRestrictions' },
  { name: 'NodeVolumeLimits' },
  { name: 'VolumeBinding' },
  { name: 'VolumeZone' },
  { name: 'PodTopologySpread', weight: 2 },
  { name: 'InterPodAffinity', weight: 2 },
  { name: 'DefaultPreemption' },
  { name: 'NodeResourcesBalancedAllocation', weight: 1 },
  { name: 'ImageLocality', weight: 1 },
  { name: 'DefaultBinder' },
];

const cpuAndMemory: ResourceWeight[] = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];

/** The system's default spreading: soft, by host and by zone. */
export const systemSpreadConstraints: V1TopologySpreadConstraint[] = [
  { topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

export const defaultArgs = (): PluginArgs => ({
  NodeAffinity: {},
  InterPodAffinity: { hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false },
  NodeResourcesFit: { scoringStrategy: { type: 'LeastAllocated', resources: cpuAndMemory } },
  NodeResourcesBalancedAllocation: { resources: cpuAndMemory },
  PodTopologySpread: { defaultConstraints: systemSpreadConstraints, systemDefaulted: true },
  DefaultPreemption: { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100 },
  VolumeBinding: { bindTimeoutSeconds: 600 },
});

export const defaultProfile = (schedulerName = 'default-scheduler'): Profile => ({
  schedulerName,
  plugins: { multiPoint: { enabled: defaultPlugins } },
  args: defaultArgs(),
});

export const defaultConfig = (): SchedulerConfig => ({
  percentageOfNodesToScore: 0,
  podInitialBackoffMs: 1_000,
  podMaxBackoffMs: 10_000,
  profiles: [defaultProfile()],
  extenders: [],
});
