import { compareVersionPriority, parseGroupVersion } from '@kubelab/apimachinery';
import type { Client } from './rest/client.js';
import type { Gvr } from './types.js';

/** metav1.APIResource as served by discovery, with the group and version it was found under. */
export interface DiscoveredResource extends Gvr {
  kind: string;
  singularName: string;
  namespaced: boolean;
  verbs: string[];
  shortNames: string[];
  categories: string[];
}

interface ApiResourceList {
  groupVersion: string;
  resources?: {
    name: string;
    singularName?: string;
    namespaced: boolean;
    kind: string;
    verbs?: string[];
    shortNames?: string[];
    categories?: string[];
  }[];
}

interface ApiGroup {
  name: string;
  versions: { groupVersion: string; version: string }[];
  preferredVersion?: { groupVersion: string; version: string };
}

/** What was found, and which group versions could not be asked (an aggregated server that is down). */
export interface DiscoveryResult {
  resources: DiscoveredResource[];
  failed: { groupVersion: string; error: unknown }[];
}

/** Asks an API server what it serves. */
export class DiscoveryClient {
  constructor(private readonly client: Client) {}

  /** All API groups; the core group has an empty name. */
  async groups(): Promise<ApiGroup[]> {
    const [core, named] = await Promise.all([
      this.client.request<{ versions: string[] }>('GET', '/api'),
      this.client.request<{ groups: ApiGroup[] }>('GET', '/apis'),
    ]);
    const coreVersions = core.versions.map((version) => ({ groupVersion: version, version }));
    return [{ name: '', versions: coreVersions, preferredVersion: coreVersions[0] }, ...named.groups];
  }

  /** The resources of one group version, subresources included (their names have a slash). */
  async resourcesOf(groupVersion: string): Promise<DiscoveredResource[]> {
    const path = groupVersion.includes('/') ? `/apis/${groupVersion}` : `/api/${groupVersion}`;
    const list = await this.client.request<ApiResourceList>('GET', path);
    const { group, version } = parseGroupVersion(groupVersion);
    return (list.resources ?? []).map((r) => ({
      group,
      version,
      resource: r.name,
      kind: r.kind,
      singularName: r.singularName ?? '',
      namespaced: r.namespaced,
      verbs: r.verbs ?? [],
      shortNames: r.shortNames ?? [],
      categories: r.categories ?? [],
    }));
  }

  /**
   * Every resource once, in its group's preferred version (or the best other version that has it), without
   * subresources. With `verbs`, only resources that support all of these.
   */
  async preferredResources(verbs: string[] = []): Promise<DiscoveryResult> {
    const result: DiscoveryResult = { resources: [], failed: [] };
    const groups = await this.groups();
    await Promise.all(
      groups.map(async (group) => {
        const preferred = group.preferredVersion?.version;
        const versions = [...group.versions].sort((a, b) => {
          if (a.version === preferred) return -1;
          if (b.version === preferred) return 1;
          return compareVersionPriority(a.version, b.version);
        });
        const lists = await Promise.all(
          versions.map(({ groupVersion }) =>
            this.resourcesOf(groupVersion).catch((error: unknown) => {
              result.failed.push({ groupVersion, error });
              return [];
            }),
          ),
        );
        const seen = new Set<string>();
        for (const r of lists.flat()) {
          if (r.resource.includes('/') || seen.has(r.resource)) continue;
          seen.add(r.resource);
          if (verbs.every((verb) => r.verbs.includes(verb))) result.resources.push(r);
        }
      }),
    );
    return result;
  }
}
