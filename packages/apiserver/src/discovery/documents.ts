import { createHash } from 'node:crypto';
import type { ResourceTable } from '@kubelab/api';
import { type RemoteGroupVersion, withRemoteGroups } from '../aggregation/index.js';
import { entriesOf, type ServedGroup, servedGroups, subresourcesOf } from './group-versions.js';

/** metav1.APIResource. */
interface ApiResource {
  name: string;
  singularName: string;
  namespaced: boolean;
  group?: string;
  version?: string;
  kind: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  storageVersionHash?: string;
}

/** GET /api: the versions of the core group (metav1.APIVersions). */
export function coreVersions(serverAddress: string): object {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** GET /apis: all named groups (metav1.APIGroupList). */
export function groupList(table: ResourceTable, remote: RemoteGroupVersion[] = []): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupBodies(table, remote) };
}

/** GET /apis/GROUP (metav1.APIGroup), or undefined when the group is not served. */
export function groupDocument(
  table: ResourceTable,
  name: string,
  remote: RemoteGroupVersion[] = [],
): object | undefined {
  const group = groupBodies(table, remote).find((candidate) => candidate.name === name);
  return group && { kind: 'APIGroup', apiVersion: 'v1', ...group };
}

function groupBodies(table: ResourceTable, remote: RemoteGroupVersion[]) {
  const groups = servedGroups(table).filter((group) => group.name !== '');
  return withRemoteGroups(groups.map(groupBody), remote);
}

function groupBody(group: ServedGroup) {
  const versions = group.versions.map((version) => ({ groupVersion: `${group.name}/${version}`, version }));
  return { name: group.name, versions, preferredVersion: versions[0] };
}

/** GET /api/v1 or /apis/GROUP/VERSION (metav1.APIResourceList), or undefined when it is not served. */
export function resourceList(table: ResourceTable, group: string, version: string): object | undefined {
  const entries = entriesOf(table, group, version);
  if (entries.length === 0) {
    return undefined;
  }
  const resources = entries.flatMap((entry): ApiResource[] => {
    const main: ApiResource = {
      name: entry.resource,
      singularName: entry.singular,
      namespaced: entry.namespaced,
      kind: entry.kind,
      verbs: entry.verbs,
      ...(entry.shortNames.length > 0 ? { shortNames: entry.shortNames } : {}),
      ...(entry.categories.length > 0 ? { categories: entry.categories } : {}),
      ...(entry.virtual ? {} : { storageVersionHash: storageVersionHash(entry) }),
    };
    const subresources = Object.entries(subresourcesOf(entry, version)).map(
      ([name, sub]): ApiResource => ({
        name: `${entry.resource}/${name}`,
        singularName: '',
        namespaced: entry.namespaced,
        ...(sub.group === undefined ? {} : { group: sub.group }),
        ...(sub.version === undefined ? {} : { version: sub.version }),
        kind: sub.kind,
        verbs: sub.verbs,
      }),
    );
    // A row without verbs of its own only carries its subresources (pods/eviction of policy/v1).
    return entry.verbs.length > 0 ? [main, ...subresources] : subresources;
  });
  const groupVersion = group === '' ? version : `${group}/${version}`;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

/** Tells clients when the stored form of a resource changes: a hash of group, version and kind. */
function storageVersionHash(entry: {
  storageGroup?: string;
  group: string;
  storageVersion: string;
  kind: string;
}): string {
  const group = entry.storageGroup ?? entry.group;
  const text = `${group === '' ? '' : `${group}/`}${entry.storageVersion}/${entry.kind}`;
  return createHash('sha256').update(text).digest().subarray(0, 8).toString('base64');
}
