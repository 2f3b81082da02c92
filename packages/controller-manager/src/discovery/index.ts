import { parseGroupVersion } from '@kubelab/apimachinery';
import { type Client, type DiscoveredResource, DiscoveryClient } from '@kubelab/client';

/** A resource that the server serves, in its group's preferred version. */
export type ServedResource = DiscoveredResource;

export interface Discovery {
  resources: ServedResource[];
  /** Group versions that could not be read (an extension server that is down), with the error's message. */
  failed: Map<string, string>;
}

/** Reads the preferred version of every resource. A group that fails is reported and does not hide the others. */
export async function discoverResources(client: Client): Promise<Discovery> {
  const { resources, failed } = await new DiscoveryClient(client).preferredResources();
  const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));
  return { resources, failed: new Map(failed.map(({ groupVersion, error }) => [groupVersion, message(error)])) };
}

/** Maps kinds to resources for owner references, which name kinds; reads discovery again when a kind is not known. */
export class KindMapper {
  private byKind = new Map<string, ServedResource>();
  private failed = new Map<string, string>();
  private readAtMs = 0;

  constructor(
    private readonly client: Client,
    private readonly minAgeMs = 5000,
  ) {}

  replace({ resources, failed }: Discovery): void {
    this.byKind = new Map(resources.map((entry) => [`${entry.group}/${entry.kind}`, entry]));
    this.failed = failed;
    this.readAtMs = Date.now();
  }

  /**
   * The resource of a kind, any version; undefined if the server has no such kind. Throws when that cannot be told:
   * not knowing is not the same as knowing that there is none.
   */
  async lookup(group: string, kind: string): Promise<ServedResource | undefined> {
    const key = `${group}/${kind}`;
    if (!this.byKind.has(key) && Date.now() - this.readAtMs >= this.minAgeMs) {
      this.replace(await discoverResources(this.client));
    }
    const found = this.byKind.get(key);
    if (!found && [...this.failed.keys()].some((groupVersion) => parseGroupVersion(groupVersion).group === group)) {
      throw new Error(`unable to get REST mapping for ${group}, Kind=${kind}`);
    }
    return found;
  }
}
