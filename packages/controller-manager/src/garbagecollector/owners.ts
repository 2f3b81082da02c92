import type { V1ObjectMeta, V1OwnerReference } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import { type Client, type ResourceClient, TerminalError } from '@kubelab/client';
import type { KindMapper } from '../discovery/index.js';
import { groupOf } from '../framework/owner-reference.js';
import { foregroundFinalizer, type Identity } from './graph.js';

/** An object as the collector reads it: only metadata matters. */
export interface MetadataObject {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
}

/** An object's owners by what they mean for its life. */
export interface ClassifiedOwners {
  /** Exists and is not on its way out: keeps the object alive. */
  solid: V1OwnerReference[];
  /** Does not exist (any more). */
  dangling: V1OwnerReference[];
  /** Being deleted in the foreground: waits for this object to go. */
  waiting: V1OwnerReference[];
}

/** How many UIDs of owners known to be absent are remembered. UIDs are never used again, so an entry never gets wrong. */
const absentCacheSize = 500;

/** Reads objects by owner reference or identity, and remembers owners that do not exist. */
export class OwnerReader {
  private readonly absent = new Set<string>();

  constructor(
    private readonly client: Client,
    private readonly kinds: KindMapper,
  ) {}

  rememberAbsent(uid: string): void {
    this.absent.delete(uid);
    this.absent.add(uid);
    if (this.absent.size > absentCacheSize) this.absent.delete(this.absent.values().next().value ?? '');
  }

  /** The client of the collection that an object of this kind lives in; undefined if there is no such kind. */
  async collection(
    apiVersion: string,
    kind: string,
    namespace: string | undefined,
  ): Promise<{ client: ResourceClient<MetadataObject>; namespaced: boolean } | undefined> {
    const resource = await this.kinds.lookup(groupOf(apiVersion), kind);
    if (!resource) return undefined;
    const client = this.client.resource<MetadataObject>(resource);
    if (!resource.namespaced) return { client, namespaced: false };
    return { client: client.namespace(namespace ?? ''), namespaced: true };
  }

  /** The live object with exactly this UID, or undefined. */
  async read(identity: Identity): Promise<MetadataObject | undefined> {
    const collection = await this.collection(identity.apiVersion, identity.kind, identity.namespace);
    if (!collection) throw new Error(`unable to get REST mapping for ${identity.apiVersion}/${identity.kind}`);
    if (collection.namespaced && !identity.namespace) throw invalidScope(identity.kind, identity.name);
    try {
      const object = await collection.client.get(identity.name);
      return object.metadata?.uid === identity.uid ? object : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Sorts owner references by a live look at each owner. Throws when an owner's kind cannot be resolved. */
  async classify(references: V1OwnerReference[], namespace: string | undefined): Promise<ClassifiedOwners> {
    const owners: ClassifiedOwners = { solid: [], dangling: [], waiting: [] };
    for (const reference of references) {
      const owner = await this.owner(reference, namespace);
      if (owner === undefined) owners.dangling.push(reference);
      else if (isWaiting(owner)) owners.waiting.push(reference);
      else owners.solid.push(reference);
    }
    return owners;
  }

  private async owner(reference: V1OwnerReference, namespace: string | undefined): Promise<MetadataObject | undefined> {
    if (this.absent.has(reference.uid)) return undefined;
    const collection = await this.collection(reference.apiVersion, reference.kind, namespace);
    if (!collection) throw new Error(`unable to get REST mapping for ${reference.apiVersion}/${reference.kind}.`);
    // A cluster-scoped object cannot have a namespaced owner: there is no namespace to look in.
    if (collection.namespaced && !namespace) throw invalidScope(reference.kind, reference.name);
    try {
      const owner = await collection.client.get(reference.name);
      if (owner.metadata?.uid === reference.uid) return owner;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.rememberAbsent(reference.uid);
    return undefined;
  }
}

/** An invalid reference is no reason to delete anything, and no retry mends it. */
function invalidScope(kind: string, name: string): TerminalError {
  return new TerminalError(`cluster-scoped objects cannot refer to namespaced owners: ${kind} ${name}`);
}

function isWaiting(owner: MetadataObject): boolean {
  const { deletionTimestamp, finalizers } = owner.metadata ?? {};
  return deletionTimestamp !== undefined && (finalizers ?? []).includes(foregroundFinalizer);
}
