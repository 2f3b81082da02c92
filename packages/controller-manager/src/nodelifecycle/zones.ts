import type { Node } from '../framework/kinds.js';
import type { ManagerOptions } from '../framework/options.js';
import { readyCondition } from './taints.js';

export type ZoneState = 'Normal' | 'PartialDisruption' | 'FullDisruption';

export function zoneOf(node: Node): string {
  const labels = node.metadata.labels ?? {};
  const region = labels['topology.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? '';
  return region || zone ? `${region}:\x00:${zone}` : '';
}

/** A zone with no ready node is fully disrupted, one with too many lost nodes partly (ComputeZoneState). */
export function zoneState(nodes: Node[], unhealthyThreshold: number): ZoneState {
  const notReady = nodes.filter((node) => readyCondition(node)?.status !== 'True').length;
  const ready = nodes.length - notReady;
  if (ready === 0 && notReady > 0) return 'FullDisruption';
  if (notReady > 2 && notReady / nodes.length >= unhealthyThreshold) return 'PartialDisruption';
  return 'Normal';
}

/**
 * Nodes a second whose pods may be given up in the zone. Nothing is evicted when all zones are down: then it is our own
 * connection that failed.
 */
export function evictionRate(state: ZoneState, zoneSize: number, allDown: boolean, options: ManagerOptions): number {
  if (allDown) return 0;
  if (state === 'PartialDisruption') {
    return zoneSize > options.largeClusterSizeThreshold ? options.secondaryNodeEvictionRate : 0;
  }
  return options.nodeEvictionRate;
}

/** How many nodes of a zone may be tainted now, at a rate of nodes a second; the first at once. */
export class EvictionLimiter {
  private nextAtMs = 0;

  tryAccept(rate: number, nowMs: number): boolean {
    if (rate <= 0 || nowMs < this.nextAtMs) return false;
    this.nextAtMs = nowMs + 1000 / rate;
    return true;
  }
}
