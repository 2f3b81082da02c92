import type { V1Node } from '@kubelab/api';

/** Region and zone of a node, the way nodes are spread over failure domains; empty if it has none. */
export function zoneOf(node: V1Node): string {
  const labels = node.metadata?.labels ?? {};
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  return region || zone ? `${region}:\u0000:${zone}` : '';
}

/** Names of nodes, one zone after the other in turn, so that looking at some of them looks at all zones. */
export function interleaveZones(nodes: Iterable<V1Node>): string[] {
  const zones = new Map<string, string[]>();
  for (const node of nodes) {
    const zone = zoneOf(node);
    const names = zones.get(zone);
    if (names) names.push(node.metadata?.name ?? '');
    else zones.set(zone, [node.metadata?.name ?? '']);
  }
  const lists = [...zones.values()];
  const longest = Math.max(0, ...lists.map((l) => l.length));
  const out: string[] = [];
  for (let i = 0; i < longest; i++) for (const list of lists) if (i < list.length) out.push(list[i] as string);
  return out;
}
