import type { V1Node, V1Pod } from '@kubelab/api';
import type { NodeResourcesFitArgs, UtilizationShapePoint } from '../config/types.js';
import type { NodeInfo } from '../framework/node-info.js';
import { maxNodeScore, type Plugin } from '../framework/plugin.js';
import type { PodInfo } from '../framework/pod-info.js';
import { podRequest, type Resource, resourceOf } from '../framework/resource.js';
import { Status } from '../framework/status.js';
import { meterOf } from './resource-scorer.js';

interface Shortage {
  reason: string;
  /** More than the node has at all: no preemption helps. */
  hopeless: boolean;
}

function* shortages(want: Resource, node: NodeInfo, ignored: (name: string) => boolean): Iterable<Shortage> {
  const { allocatable: all, requested: used } = node;
  if (node.pods.size + 1 > all.pods) yield { reason: 'Too many pods', hopeless: all.pods < 1 };
  if (want.milliCpu > 0 && want.milliCpu > all.milliCpu - used.milliCpu) {
    yield { reason: 'Insufficient cpu', hopeless: want.milliCpu > all.milliCpu };
  }
  if (want.memory > 0 && want.memory > all.memory - used.memory) {
    yield { reason: 'Insufficient memory', hopeless: want.memory > all.memory };
  }
  if (want.ephemeralStorage > 0 && want.ephemeralStorage > all.ephemeralStorage - used.ephemeralStorage) {
    yield { reason: 'Insufficient ephemeral-storage', hopeless: want.ephemeralStorage > all.ephemeralStorage };
  }
  if (!want.scalars) return;
  for (const [name, amount] of want.scalars) {
    if (amount === 0 || ignored(name)) continue;
    const has = all.scalars?.get(name) ?? 0;
    if (amount > has - (used.scalars?.get(name) ?? 0)) yield { reason: `Insufficient ${name}`, hopeless: amount > has };
  }
}

/** Broken-line function through the points, constant outside of them. */
export function shapeFunction(shape: readonly UtilizationShapePoint[]): (utilization: number) => number {
  return (u) => {
    for (let i = 0; i < shape.length; i++) {
      const here = shape[i] as UtilizationShapePoint;
      if (u > here.utilization) continue;
      const before = shape[i - 1];
      if (!before) return here.score;
      const share = (u - before.utilization) / (here.utilization - before.utilization);
      return Math.trunc(before.score + (here.score - before.score) * share);
    }
    return shape[shape.length - 1]?.score ?? 0;
  };
}

type Strategy = (requested: number, allocatable: number) => number;

function strategyOf(args: NodeResourcesFitArgs): Strategy {
  switch (args.scoringStrategy.type) {
    case 'LeastAllocated':
      return (r, a) => (a === 0 || r > a ? 0 : Math.floor(((a - r) * maxNodeScore) / a));
    case 'MostAllocated':
      return (r, a) => (a === 0 ? 0 : Math.floor((Math.min(r, a) * maxNodeScore) / a));
    case 'RequestedToCapacityRatio': {
      // Configured scores go to 10, scores of nodes to 100.
      const points = args.scoringStrategy.requestedToCapacityRatio?.shape ?? [];
      const f = shapeFunction(points.map((p) => ({ ...p, score: p.score * (maxNodeScore / 10) })));
      return (r, a) => (a === 0 || r > a ? f(100) : f(Math.trunc((r * 100) / a)));
    }
  }
}

/** Does the node have what the pod requests, and how well does it use what it has. */
export const nodeResourcesFit = (args: NodeResourcesFitArgs): Plugin => {
  const groups = new Set(args.ignoredResourceGroups ?? []);
  const names = new Set(args.ignoredResources ?? []);
  const ignored = (name: string): boolean => names.has(name) || groups.has(name.split('/')[0] ?? '');
  const strategy = strategyOf(args);
  const meters = args.scoringStrategy.resources.map((r) => meterOf(r.name, r.weight, true));
  const byRatio = args.scoringStrategy.type === 'RequestedToCapacityRatio';
  const fits = (pod: V1Pod, node: V1Node): boolean => {
    const want = podRequest(pod);
    const has = resourceOf(node.status?.allocatable);
    if (want.milliCpu > has.milliCpu || want.memory > has.memory) return false;
    for (const [name, amount] of want.scalars ?? []) if (amount > (has.scalars?.get(name) ?? 0)) return false;
    return has.pods > 0;
  };
  return {
    name: 'NodeResourcesFit',
    events: () => [
      { resource: 'AssignedPod', actions: ['Delete', 'UpdatePodScaleDown'] },
      { resource: 'UnscheduledPod', actions: ['UpdatePodScaleDown'] },
      {
        resource: 'Node',
        actions: ['Add', 'UpdateNodeAllocatable'],
        hint: (pod, event) => fits(pod, event.now as V1Node),
      },
    ],
    filter(_state, pod, node) {
      const want = pod.request;
      const { allocatable: all, requested: used } = node;
      // The usual case first: everything fits.
      if (
        !want.scalars &&
        node.pods.size + 1 <= all.pods &&
        (want.milliCpu === 0 || want.milliCpu <= all.milliCpu - used.milliCpu) &&
        (want.memory === 0 || want.memory <= all.memory - used.memory) &&
        (want.ephemeralStorage === 0 || want.ephemeralStorage <= all.ephemeralStorage - used.ephemeralStorage)
      ) {
        return undefined;
      }
      const short = [...shortages(want, node, ignored)];
      if (short.length === 0) return undefined;
      const code = short.some((s) => s.hopeless) ? 'UnschedulableAndUnresolvable' : 'Unschedulable';
      return new Status(
        code,
        short.map((s) => s.reason),
      );
    },
    score: (_state, pod, node) => scoreOf(pod, node),
  };

  function scoreOf(pod: PodInfo, node: NodeInfo): number {
    let sum = 0;
    let weights = 0;
    for (const meter of meters) {
      const allocatable = meter.allocatable(node);
      if (allocatable === 0 || !meter.matters(pod)) continue;
      const score = strategy(meter.requested(pod, node), allocatable);
      // As in Kubernetes: with a shape, a resource that scores nothing has no say.
      if (byRatio && score === 0) continue;
      sum += score * meter.weight;
      weights += meter.weight;
    }
    if (weights === 0) return 0;
    return byRatio ? Math.round(sum / weights) : Math.floor(sum / weights);
  }
};
