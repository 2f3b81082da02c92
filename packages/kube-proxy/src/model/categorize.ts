import { type Endpoint, type ServicePort, usesClusterEndpoints, usesLocalEndpoints } from './types.js';

/** Where this node is, for topology hints. */
export interface Topology {
  nodeName: string;
  zone: string | undefined;
}

/** The endpoints each kind of traffic uses. */
export interface CategorizedEndpoints {
  /** For traffic policy Cluster. */
  cluster: Endpoint[];
  /** For traffic policy Local. */
  local: Endpoint[];
  /** Both, each endpoint once: those that need a chain. */
  reachable: Endpoint[];
  /** Whether any endpoint in the cluster can take traffic, even if none of this node's may. */
  hasAny: boolean;
  /** All endpoints of the port, whatever their state: what kube-proxy measures a cluster's size by. */
  total: number;
}

type Hint = 'zone' | 'node' | undefined;

/** Hints count only if every ready endpoint has them and one is for us; otherwise traffic would be lost or unbalanced. */
function hintInForce(endpoints: Endpoint[], t: Topology): Hint {
  const ready = endpoints.filter((e) => e.ready);
  if (ready.length === 0) return undefined;
  if (ready.every((e) => e.nodeHints.length > 0) && ready.some((e) => e.nodeHints.includes(t.nodeName))) return 'node';
  const zone = t.zone;
  if (zone && ready.every((e) => e.zoneHints.length > 0) && ready.some((e) => e.zoneHints.includes(zone)))
    return 'zone';
  return undefined;
}

function isHinted(e: Endpoint, hint: Hint, t: Topology): boolean {
  if (hint === 'node') return e.nodeHints.includes(t.nodeName);
  if (hint === 'zone') return e.zoneHints.includes(t.zone ?? '');
  return true;
}

const isFallback = (e: Endpoint) => e.serving && e.terminating;

/**
 * Chooses endpoints as kube-proxy does: ready ones (by topology hints, KEP-2433), and only if there are none the
 * terminating ones that still serve (KEP-1669), for the cluster and for this node separately.
 */
export function categorize(endpoints: Endpoint[], port: ServicePort, t: Topology): CategorizedEndpoints {
  const result: CategorizedEndpoints = {
    cluster: [],
    local: [],
    reachable: [],
    hasAny: false,
    total: endpoints.length,
  };
  if (usesClusterEndpoints(port)) {
    const hint = hintInForce(endpoints, t);
    result.cluster = endpoints.filter((e) => e.ready && isHinted(e, hint, t));
    if (result.cluster.length === 0) result.cluster = endpoints.filter(isFallback);
    result.hasAny = result.cluster.length > 0;
  }
  if (usesLocalEndpoints(port)) {
    result.hasAny ||= endpoints.some((e) => e.ready || isFallback(e));
    result.local = endpoints.filter((e) => e.local && e.ready);
    if (result.local.length === 0) result.local = endpoints.filter((e) => e.local && isFallback(e));
  }
  const used = new Set([...result.cluster, ...result.local]);
  result.reachable = endpoints.filter((e) => used.has(e));
  return result;
}
