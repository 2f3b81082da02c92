import type { ResourceEntry, ResourceTable } from '@kubelab/api';

/** A group with its versions in order of preference. */
export interface ServedGroup {
  name: string;
  versions: string[];
}

/**
 * Kubernetes' version priority: GA before beta before alpha, higher numbers first, anything else last by name
 * (k8s.io/apimachinery/pkg/version CompareKubeAwareVersionStrings).
 */
export function compareVersions(a: string, b: string): number {
  const left = rank(a);
  const right = rank(b);
  if (left && right) {
    return right.stage - left.stage || right.major - left.major || right.minor - left.minor;
  }
  return left ? -1 : right ? 1 : a.localeCompare(b);
}

function rank(version: string): { stage: number; major: number; minor: number } | undefined {
  const match = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version);
  return match
    ? {
        major: Number(match[1]),
        stage: match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0,
        minor: Number(match[3] ?? 0),
      }
    : undefined;
}

/** The named groups of the table (the core group apart), in the order of their first row. */
export function servedGroups(table: ResourceTable): ServedGroup[] {
  const groups = new Map<string, Set<string>>();
  for (const entry of table.all()) {
    const versions = groups.get(entry.group) ?? new Set();
    groups.set(entry.group, versions);
    for (const { version } of entry.versions) {
      versions.add(version);
    }
  }
  return [...groups].map(([name, versions]) => ({ name, versions: [...versions].sort(compareVersions) }));
}

/** The rows that serve a version of a group, by plural name. */
export function entriesOf(table: ResourceTable, group: string, version: string): ResourceEntry[] {
  return table
    .group(group)
    .filter((entry) => entry.versions.some((served) => served.version === version))
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));
}

/** The subresources of a row in a version. */
export function subresourcesOf(entry: ResourceEntry, version: string): ResourceEntry['subresources'] {
  return entry.versions.find((served) => served.version === version)?.subresources ?? entry.subresources;
}
