import type { Plugin } from '../framework/types.js';
import { imageLocality } from './image-locality.js';
import { interPodAffinity, type NamespaceLabels } from './inter-pod-affinity.js';
import { nodeAffinity } from './node-affinity.js';
import { nodeName } from './node-name.js';
import { nodePorts } from './node-ports.js';
import { nodeResourcesBalancedAllocation } from './node-resources-balanced-allocation.js';
import { nodeResourcesFit } from './node-resources-fit.js';
import { nodeUnschedulable } from './node-unschedulable.js';
import { podTopologySpread } from './pod-topology-spread.js';
import { schedulingGates } from './scheduling-gates.js';
import { taintToleration } from './taint-toleration.js';

/** A plugin with what its score counts, as in Kubernetes' default profile. */
export interface WeightedPlugin {
  plugin: Plugin;
  weight: number;
}

/** The default profile, filters in the order that refuses soonest. */
export function defaultPlugins(namespaceLabels: NamespaceLabels): WeightedPlugin[] {
  return [
    { plugin: schedulingGates, weight: 0 },
    { plugin: nodeUnschedulable, weight: 0 },
    { plugin: nodeName, weight: 0 },
    { plugin: taintToleration, weight: 3 },
    { plugin: nodeAffinity, weight: 2 },
    { plugin: nodePorts, weight: 0 },
    { plugin: nodeResourcesFit, weight: 1 },
    { plugin: nodeResourcesBalancedAllocation, weight: 1 },
    { plugin: podTopologySpread, weight: 2 },
    { plugin: interPodAffinity(namespaceLabels), weight: 2 },
    { plugin: imageLocality, weight: 1 },
  ];
}
