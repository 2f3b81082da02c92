import type { ResourceTable } from '@kubelab/api';
import { type RemoteGroupVersion, withRemoteDiscovery } from '../aggregation/index.js';
import { entriesOf, type ServedGroup, servedGroups, subresourcesOf } from './group-versions.js';

/**
 * Aggregated discovery (KEP-3352, apidiscovery.k8s.io/v2 and v2beta1): all groups, versions and resources in one
 * document. `core` chooses between /api (the core group) and /apis (the named ones).
 */
export function aggregatedDiscovery(
  table: ResourceTable,
  core: boolean,
  apiVersion: 'v2' | 'v2beta1',
  remote: RemoteGroupVersion[] = [],
): object {
  const groups = servedGroups(table).filter((group) => (group.name === '') === core);
  const items = groups.map((group) => groupItem(table, group));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${apiVersion}`,
    metadata: {},
    items: core ? items : withRemoteDiscovery(items, remote),
  };
}

function groupItem(table: ResourceTable, group: ServedGroup) {
  return {
    metadata: group.name === '' ? { creationTimestamp: null } : { name: group.name, creationTimestamp: null as null },
    versions: group.versions.map((version) => ({
      version,
      freshness: 'Current',
      resources: entriesOf(table, group.name, version).map((entry) => ({
        resource: entry.resource,
        responseKind: { group: group.name, version, kind: entry.kind },
        scope: entry.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: entry.singular,
        verbs: entry.verbs,
        ...(entry.shortNames.length > 0 ? { shortNames: entry.shortNames } : {}),
        ...(entry.categories.length > 0 ? { categories: entry.categories } : {}),
        ...subresourceDocuments(entry, group.name, version),
      })),
    })),
  };
}

function subresourceDocuments(
  entry: Parameters<typeof subresourcesOf>[0],
  group: string,
  version: string,
): { subresources?: object[] } {
  const subresources = Object.entries(subresourcesOf(entry, version)).map(([subresource, sub]) => ({
    subresource,
    responseKind: { group: sub.group ?? group, version: sub.version ?? version, kind: sub.kind },
    verbs: sub.verbs,
  }));
  return subresources.length > 0 ? { subresources } : {};
}
