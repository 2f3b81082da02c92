import type { V1Endpoint, V1Node } from '@kubelab/api';
import { Quantity } from '@kubelab/apimachinery';
import type { Service } from '../framework/kinds.js';

const minZones = 2;
/** A zone may be given at most this much more endpoints' load than its share before hints are left out. */
const overloadThreshold = 0.2;

/** How a service wants its traffic kept near: by allocating endpoints to zones, by own zone (or node), or not at all. */
export type HintsMode = 'auto' | 'same-zone' | 'same-node' | 'none';

/** The annotations, the older one first, win over the field (KEP-4444). */
export function hintsMode(service: Service): HintsMode {
  const annotations = service.metadata.annotations ?? {};
  const mode =
    annotations['service.kubernetes.io/topology-aware-hints'] ?? annotations['service.kubernetes.io/topology-mode'];
  if (mode === 'Auto' || mode === 'auto') return 'auto';
  switch (service.spec.trafficDistribution) {
    case 'PreferClose':
    case 'PreferSameZone':
      return 'same-zone';
    case 'PreferSameNode':
      return 'same-node';
    default:
      return 'none';
  }
}

/** Each ready endpoint with a hint for its own zone, and where wanted (KEP-3015) for its own node first. */
export function hintOwnPlace(endpoints: V1Endpoint[], withNode: boolean): V1Endpoint[] {
  return endpoints.map((endpoint) => {
    const { zone, nodeName } = endpoint;
    const hints = {
      ...(zone && { forZones: [{ name: zone }] }),
      ...(withNode && nodeName && { forNodes: [{ name: nodeName }] }),
    };
    return endpoint.conditions?.ready === true && Object.keys(hints).length > 0 ? { ...endpoint, hints } : endpoint;
  });
}

/**
 * Allocates ready endpoints to zones in proportion to the zones' CPU (KEP-2433). Returns the endpoints without hints
 * and why, when that would overload a zone or too little is known.
 */
export function allocateToZones(
  endpoints: V1Endpoint[],
  nodes: V1Node[],
): { endpoints: V1Endpoint[]; problem?: string } {
  const shares = cpuShares(nodes);
  if (!shares) return { endpoints, problem: 'NodesNotReadyOrMissingZone' };
  if (shares.size < minZones) return { endpoints, problem: 'InsufficientNumberOfZones' };
  const ready = endpoints.filter((endpoint) => endpoint.conditions?.ready !== false);
  if (ready.some((endpoint) => !endpoint.zone)) return { endpoints, problem: 'NoZoneSpecified' };
  if (ready.length < shares.size) return { endpoints, problem: 'InsufficientNumberOfEndpoints' };
  const wanted = new Map<string, number>();
  for (const [zone, share] of shares) {
    const exact = share * ready.length;
    // As many as keep the zone's overload within the threshold; at least one.
    const count = Math.max(1, Math.ceil(exact / (1 + overloadThreshold)));
    if (exact / count - 1 > overloadThreshold) return { endpoints, problem: 'OverloadThresholdExceeded' };
    wanted.set(zone, count);
  }
  const total = [...wanted.values()].reduce((a, b) => a + b, 0);
  if (total > ready.length) return { endpoints, problem: 'MinAllocationExceedsMaximum' };
  return { endpoints: distribute(endpoints, ready, wanted) };
}

function cpuShares(nodes: V1Node[]): Map<string, number> | undefined {
  const cpu = new Map<string, number>();
  let total = 0;
  for (const node of nodes) {
    if (node.metadata?.labels?.['node-role.kubernetes.io/control-plane'] !== undefined) continue;
    const isReady = node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
    if (!isReady) continue;
    const zone = node.metadata?.labels?.['topology.kubernetes.io/zone'];
    const amount = node.status?.allocatable?.cpu;
    if (!zone || !amount) return undefined;
    const cores = Quantity.parse(amount).asNumber();
    cpu.set(zone, (cpu.get(zone) ?? 0) + cores);
    total += cores;
  }
  return total === 0 ? undefined : new Map([...cpu].map(([zone, cores]) => [zone, cores / total]));
}

function distribute(all: V1Endpoint[], ready: V1Endpoint[], wanted: Map<string, number>): V1Endpoint[] {
  const zoneOf = new Map<V1Endpoint, string>();
  const missing = new Map(wanted);
  const spare: V1Endpoint[] = [];
  for (const endpoint of ready) {
    const zone = endpoint.zone ?? '';
    const left = missing.get(zone) ?? 0;
    if (left > 0) {
      missing.set(zone, left - 1);
      zoneOf.set(endpoint, zone);
    } else {
      spare.push(endpoint);
    }
  }
  for (const endpoint of spare) {
    const needy = [...missing].find(([, left]) => left > 0);
    if (needy) missing.set(needy[0], needy[1] - 1);
    zoneOf.set(endpoint, needy?.[0] ?? endpoint.zone ?? '');
  }
  return all.map((endpoint) => {
    const zone = zoneOf.get(endpoint);
    return zone ? { ...endpoint, hints: { forZones: [{ name: zone }] } } : endpoint;
  });
}
