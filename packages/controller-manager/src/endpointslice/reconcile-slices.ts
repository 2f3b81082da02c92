import type { DiscoveryV1EndpointPort, V1Endpoint, V1EndpointSlice } from '@kubelab/api';
import { semanticEqual } from '@kubelab/apimachinery';
import { canonicalText } from '../framework/canonical.js';
import type { EndpointSlice } from '../framework/kinds.js';

/** The endpoints of one address type and one set of ports: what one or more slices hold together. */
export interface EndpointGroup {
  addressType: 'IPv4' | 'IPv6' | 'FQDN';
  ports: DiscoveryV1EndpointPort[];
  endpoints: V1Endpoint[];
}

export interface SliceMetadata {
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** What to write so that the slices hold exactly the groups. */
export interface SlicePlan {
  create: V1EndpointSlice[];
  update: EndpointSlice[];
  delete: EndpointSlice[];
}

/** Identity of an endpoint across changes of its conditions. */
function endpointId(endpoint: V1Endpoint): string {
  return canonicalText([endpoint.addresses, endpoint.targetRef?.uid, endpoint.targetRef?.name, endpoint.hostname]);
}

function groupKey(addressType: string, ports: DiscoveryV1EndpointPort[]): string {
  const texts = ports.map((port) => canonicalText({ protocol: 'TCP', name: '', ...port })).sort();
  return `${addressType}|${texts.join('|')}`;
}

/**
 * Compares slices with the endpoints they should hold and returns the fewest writes: a slice that needs no change is
 * left alone, changed ones are filled up before new ones are made, none exceeds `maxPerSlice`. Without any endpoint one
 * empty slice of each address type stays, so that readers know the service has none.
 */
export function planSlices(
  existing: EndpointSlice[],
  groups: EndpointGroup[],
  metadata: SliceMetadata,
  maxPerSlice: number,
  newSlice: (group: EndpointGroup, endpoints: V1Endpoint[]) => V1EndpointSlice,
): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], delete: [] };
  const byGroup = new Map<string, EndpointSlice[]>();
  for (const slice of existing) {
    const key = groupKey(slice.addressType, slice.ports ?? []);
    byGroup.set(key, [...(byGroup.get(key) ?? []), slice]);
  }
  for (const group of groups) {
    const key = groupKey(group.addressType, group.ports);
    planGroup(byGroup.get(key) ?? [], group, metadata, maxPerSlice, newSlice, plan);
    byGroup.delete(key);
  }
  for (const slices of byGroup.values()) plan.delete.push(...slices);
  reuseDeleted(plan);
  return plan;
}

function planGroup(
  slices: EndpointSlice[],
  group: EndpointGroup,
  metadata: SliceMetadata,
  maxPerSlice: number,
  newSlice: (group: EndpointGroup, endpoints: V1Endpoint[]) => V1EndpointSlice,
  plan: SlicePlan,
): void {
  const wanted = new Map(group.endpoints.map((endpoint) => [endpointId(endpoint), endpoint]));
  const kept = slices.map((slice) => {
    const endpoints: V1Endpoint[] = [];
    let changed = !sameMetadata(slice, metadata);
    for (const endpoint of slice.endpoints ?? []) {
      const id = endpointId(endpoint);
      const now = wanted.get(id);
      if (now === undefined) {
        changed = true;
        continue;
      }
      wanted.delete(id);
      if (!semanticEqual(endpoint, now)) changed = true;
      endpoints.push(now);
    }
    return { slice, endpoints, changed };
  });
  const rest = [...wanted.values()];
  // Fill what is written anyway, the fullest first, then the fullest others if all that is left fits into one.
  const fullestFirst = [...kept].sort((a, b) => b.endpoints.length - a.endpoints.length);
  for (const entry of fullestFirst.filter(({ changed }) => changed)) {
    entry.endpoints.push(...rest.splice(0, Math.max(0, maxPerSlice - entry.endpoints.length)));
  }
  if (rest.length > 0 && rest.length < maxPerSlice) {
    const roomy = fullestFirst.find(
      ({ endpoints }) => endpoints.length > 0 && endpoints.length + rest.length <= maxPerSlice,
    );
    if (roomy) {
      roomy.endpoints.push(...rest.splice(0));
      roomy.changed = true;
    }
  }
  const placeholder = group.endpoints.length === 0 ? kept[0] : undefined;
  for (const entry of kept) {
    if (entry.endpoints.length === 0 && entry !== placeholder) plan.delete.push(entry.slice);
    else if (entry.changed) plan.update.push(changedSlice(entry.slice, group, entry.endpoints, metadata));
  }
  if (group.endpoints.length === 0 && kept.length === 0) plan.create.push(newSlice(group, []));
  while (rest.length > 0) plan.create.push(newSlice(group, rest.splice(0, maxPerSlice)));
}

/** Instead of deleting one slice and creating another of the same address type, updates it: fewer events, no gap. */
function reuseDeleted(plan: SlicePlan): void {
  for (const fresh of [...plan.create]) {
    const index = plan.delete.findIndex((slice) => slice.addressType === fresh.addressType);
    const old = index < 0 ? undefined : plan.delete.splice(index, 1)[0];
    if (!old) continue;
    plan.create.splice(plan.create.indexOf(fresh), 1);
    plan.update.push({
      ...old,
      metadata: { ...old.metadata, labels: fresh.metadata?.labels, annotations: fresh.metadata?.annotations },
      ports: fresh.ports,
      endpoints: fresh.endpoints,
    });
  }
}

function changedSlice(
  slice: EndpointSlice,
  group: EndpointGroup,
  endpoints: V1Endpoint[],
  metadata: SliceMetadata,
): EndpointSlice {
  return {
    ...slice,
    metadata: { ...slice.metadata, labels: metadata.labels, annotations: metadata.annotations },
    ports: group.ports,
    endpoints,
  };
}

function sameMetadata(slice: EndpointSlice, { labels, annotations }: SliceMetadata): boolean {
  return (
    semanticEqual(slice.metadata.labels ?? {}, labels) && semanticEqual(slice.metadata.annotations ?? {}, annotations)
  );
}
