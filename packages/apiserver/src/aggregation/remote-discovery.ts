import type { RemoteGroupVersion, RemoteResource } from './api-service.js';

interface GroupBody {
  name: string;
  versions: { groupVersion: string; version: string }[];
  preferredVersion?: { groupVersion: string; version: string };
}
interface DiscoveryItem {
  metadata: { name?: string; creationTimestamp: null };
  versions: { version: string; freshness: string; resources: object[] }[];
}

/** Adds the groups of extension servers to an APIGroupList's groups. */
export function withRemoteGroups(groups: GroupBody[], remote: RemoteGroupVersion[]): GroupBody[] {
  const out = groups.map((group) => ({ ...group, versions: [...group.versions] }));
  for (const gv of byPriority(remote)) {
    const version = { groupVersion: `${gv.group}/${gv.version}`, version: gv.version };
    const group = out.find((candidate) => candidate.name === gv.group);
    if (!group) out.push({ name: gv.group, versions: [version], preferredVersion: version });
    else if (!group.versions.some((v) => v.version === gv.version)) group.versions.push(version);
  }
  return out;
}

/** Adds the groups of extension servers to an APIGroupDiscoveryList's items; those that are away as stale. */
export function withRemoteDiscovery(items: DiscoveryItem[], remote: RemoteGroupVersion[]): DiscoveryItem[] {
  const out = items.map((item) => ({ ...item, versions: [...item.versions] }));
  for (const gv of byPriority(remote)) {
    const version = {
      version: gv.version,
      freshness: gv.available ? 'Current' : 'Stale',
      resources: resourcesOf(gv),
    };
    const item = out.find((candidate) => candidate.metadata.name === gv.group);
    if (!item) out.push({ metadata: { name: gv.group, creationTimestamp: null }, versions: [version] });
    else item.versions = [...item.versions.filter((v) => v.version !== gv.version), version];
  }
  return out;
}

const byPriority = (remote: RemoteGroupVersion[]) =>
  [...remote].sort((a, b) => b.groupPriority - a.groupPriority || b.versionPriority - a.versionPriority);

function resourcesOf(gv: RemoteGroupVersion): object[] {
  const main = gv.resources.filter((r) => !r.name.includes('/'));
  return main.map((r) => {
    const subresources = gv.resources
      .filter((s) => s.name.startsWith(`${r.name}/`))
      .map((s) => ({
        subresource: s.name.slice(r.name.length + 1),
        responseKind: responseKind(gv, s),
        verbs: s.verbs,
      }));
    return {
      resource: r.name,
      responseKind: responseKind(gv, r),
      scope: r.namespaced ? 'Namespaced' : 'Cluster',
      singularResource: r.singularName ?? '',
      verbs: r.verbs,
      ...(r.shortNames?.length ? { shortNames: r.shortNames } : {}),
      ...(r.categories?.length ? { categories: r.categories } : {}),
      ...(subresources.length > 0 ? { subresources } : {}),
    };
  });
}

const responseKind = (gv: RemoteGroupVersion, r: RemoteResource) => ({
  group: r.group || gv.group,
  version: r.version || gv.version,
  kind: r.kind,
});
