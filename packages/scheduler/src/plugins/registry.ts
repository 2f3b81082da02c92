import type { PluginArgs } from '../config/types.js';
import type { Handle } from '../framework/handle.js';
import type { Plugin } from '../framework/plugin.js';
import { defaultBinder } from './default-binder.js';
import { defaultPreemption } from './default-preemption.js';
import { imageLocality } from './image-locality.js';
import { interPodAffinity } from './inter-pod-affinity.js';
import { nodeAffinity } from './node-affinity.js';
import { nodeName } from './node-name.js';
import { nodePorts } from './node-ports.js';
import { nodeResourcesBalancedAllocation } from './node-resources-balanced-allocation.js';
import { nodeResourcesFit } from './node-resources-fit.js';
import { nodeUnschedulable } from './node-unschedulable.js';
import { nodeVolumeLimits } from './node-volume-limits.js';
import { podTopologySpread } from './pod-topology-spread.js';
import { prioritySort } from './priority-sort.js';
import { schedulingGates } from './scheduling-gates.js';
import { taintToleration } from './taint-toleration.js';
import { volumeBinding } from './volume-binding/plugin.js';
import { volumeRestrictions } from './volume-restrictions.js';
import { volumeZone } from './volume-zone.js';

/** All plugins of a profile, by name. */
export function createPlugins(handle: Handle, args: PluginArgs): Map<string, Plugin> {
  const plugins = [
    schedulingGates(),
    prioritySort(),
    nodeUnschedulable(),
    nodeName(),
    taintToleration(),
    nodeAffinity(args.NodeAffinity),
    nodePorts(),
    nodeResourcesFit(args.NodeResourcesFit),
    volumeRestrictions(handle),
    nodeVolumeLimits(handle),
    volumeBinding(handle, args.VolumeBinding),
    volumeZone(handle),
    podTopologySpread(handle, args.PodTopologySpread),
    interPodAffinity(handle, args.InterPodAffinity),
    defaultPreemption(handle, args.DefaultPreemption),
    nodeResourcesBalancedAllocation(args.NodeResourcesBalancedAllocation),
    imageLocality(),
    defaultBinder(handle),
  ];
  return new Map(plugins.map((p) => [p.name, p]));
}
