import type { V1NodeCondition } from '@kubelab/api';
import { nowSecond, semanticEqual } from '@kubelab/apimachinery';
import { findCondition } from '../framework/conditions.js';
import type { Lease, Node } from '../framework/kinds.js';

/** What was last seen of a node, by this process's own clock: nodes' clocks are not trusted. */
export interface NodeHealth {
  probedAtMs: number;
  heartbeat: string | undefined;
  renewTime: string | undefined;
}

/** Notes signs of life: a new heartbeat in the status or a renewed lease. */
export function probe(before: NodeHealth | undefined, node: Node, lease: Lease | undefined, nowMs: number): NodeHealth {
  const heartbeat = findCondition(node.status?.conditions, 'Ready')?.lastHeartbeatTime;
  const renewTime = lease?.spec.renewTime;
  if (before && before.heartbeat === heartbeat && before.renewTime === renewTime) return before;
  return { probedAtMs: nowMs, heartbeat, renewTime };
}

const watched = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/**
 * The conditions of a node that gave no sign of life within the grace period: all Unknown. Undefined if it is not
 * silent that long, or marked so already.
 */
export function conditionsOfSilentNode(
  node: Node,
  health: NodeHealth,
  graceMs: number,
  nowMs: number,
): V1NodeCondition[] | undefined {
  const current = node.status?.conditions ?? [];
  if (nowMs <= health.probedAtMs + graceMs) return undefined;
  const time = nowSecond();
  const next = current.map((condition): V1NodeCondition => {
    if (!watched.includes(condition.type) || condition.status === 'Unknown') return condition;
    return {
      ...condition,
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: time,
    };
  });
  for (const type of watched) {
    if (findCondition(current, type)) continue;
    next.push({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp,
      lastTransitionTime: time,
    });
  }
  return semanticEqual(current, next) ? undefined : next;
}
