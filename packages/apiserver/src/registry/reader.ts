import type { ResourceEntry } from '@kubelab/api';
import { newBadRequest, newResourceExpired } from '@kubelab/apimachinery';
import { type CacheItem, CompactedError, type Store, type WatchCache } from '@kubelab/storage';
import { asItem } from './as-item.js';
import { type ContinueToken, decodeContinue, encodeContinue } from './continue-token.js';
import { inTurns } from './in-turns.js';
import { collectionPrefix, objectKeyOf } from './keys.js';
import type { Selection } from './selection.js';
import { tooLargeResourceVersion } from './store-errors.js';

export interface ListResult {
  items: CacheItem[];
  resourceVersion: string;
  continueToken?: string;
  remainingItemCount?: number;
}

export interface ListRequest {
  namespace: string;
  selection: Selection;
  limit: number;
  continueToken?: string;
  resourceVersion?: string;
  resourceVersionMatch?: string;
}

/** Reads from the watch cache, waiting until it is as new as the request asks; older states come from etcd. */
export class Reader {
  constructor(
    private readonly store: Store,
    private readonly cache: WatchCache,
  ) {}

  /**
   * One object. Without a resourceVersion the read is consistent: it shows all that was written before it; "0" takes
   * what is at hand, another one waits until the cache is that new.
   */
  async get(
    entry: ResourceEntry,
    namespace: string,
    name: string,
    resourceVersion?: string,
  ): Promise<CacheItem | undefined> {
    await this.freshEnough(resourceVersion);
    return this.cache.resource(entry.storagePrefix).get(objectKeyOf(entry, namespace, name));
  }

  /** A collection, by the rules of resourceVersion and resourceVersionMatch (KEP-1904) and chunks (KEP-365). */
  async list(entry: ResourceEntry, request: ListRequest): Promise<ListResult> {
    if (request.continueToken) {
      return this.listOlder(entry, request, decodeContinue(request.continueToken));
    }
    if (request.resourceVersionMatch === 'Exact' && request.resourceVersion) {
      const exact = parseResourceVersion(request.resourceVersion);
      await this.freshEnough(request.resourceVersion);
      return this.listOlder(entry, request, { revision: exact, from: '' });
    }
    await this.freshEnough(request.resourceVersion);
    const prefix = collectionPrefix(entry, request.namespace);
    const cache = this.cache.resource(entry.storagePrefix);
    const revision = this.cache.revision;
    let items: CacheItem[];
    if (request.selection.name !== undefined && (request.namespace !== '' || !entry.namespaced)) {
      const one = cache.get(prefix + request.selection.name);
      items = one ? [one] : [];
    } else {
      items = cache.list(prefix);
    }
    if (!request.selection.all) {
      const matching: CacheItem[] = [];
      await inTurns(items, (item) => {
        if (request.selection.matchesItem(item)) {
          matching.push(item);
        }
      });
      items = matching;
    }
    return page(items, request, revision);
  }

  private async listOlder(entry: ResourceEntry, request: ListRequest, token: ContinueToken): Promise<ListResult> {
    const prefix = collectionPrefix(entry, request.namespace);
    if (token.from !== '' && !token.from.startsWith(prefix)) {
      throw newBadRequest('continue key is not valid: it is of another collection');
    }
    // The page is full only when enough objects match, so several pages of etcd may be needed for one.
    const items: CacheItem[] = [];
    let from = token.from === '' ? prefix : token.from;
    let revision = token.revision;
    for (;;) {
      const found = await this.olderPage(prefix, from, request.limit, revision);
      revision = found.revision;
      for (const stored of found.items) {
        if (request.selection.matches(stored.object)) {
          items.push(asItem(stored));
        }
      }
      const last = found.items.at(-1);
      if (!found.more || !last) {
        return { items, resourceVersion: String(revision) };
      }
      from = `${last.key}\0`;
      if (request.limit > 0 && items.length >= request.limit) {
        return {
          items,
          resourceVersion: String(revision),
          continueToken: encodeContinue({ revision, from }),
          ...(request.selection.all ? { remainingItemCount: found.count - found.items.length } : {}),
        };
      }
    }
  }

  private async olderPage(prefix: string, from: string, limit: number, revision: number) {
    try {
      return await this.store.list(prefix, {
        from,
        limit: limit > 0 ? limit : 1000,
        // -1 in a token: the state it was made for is gone, the rest is taken from the newest one.
        ...(revision > 0 ? { revision } : {}),
      });
    } catch (error) {
      if (error instanceof CompactedError) {
        if (limit === 0) throw newResourceExpired('The resourceVersion for the provided list is too old.');
        const expired = newResourceExpired(
          'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
        );
        expired.status.metadata = { continue: encodeContinue({ revision: -1, from }) };
        throw expired;
      }
      throw error;
    }
  }

  /** Waits until the cache shows what a resourceVersion asks for. */
  async freshEnough(resourceVersion: string | undefined): Promise<void> {
    if (resourceVersion === '0') {
      return;
    }
    if (!resourceVersion) {
      await this.cache.waitUntilCurrent();
      return;
    }
    const asked = parseResourceVersion(resourceVersion);
    if (!(await this.cache.waitFor(asked))) {
      throw tooLargeResourceVersion(asked, this.cache.revision);
    }
  }
}

/** A resourceVersion as a number. @throws StatusError BadRequest */
export function parseResourceVersion(text: string): number {
  if (!/^\d{1,16}$/.test(text)) {
    throw newBadRequest(`Invalid value: ${JSON.stringify(text)}: resourceVersion is not valid`);
  }
  return Number(text);
}

function page(items: CacheItem[], request: ListRequest, revision: number): ListResult {
  const { limit } = request;
  // resourceVersion=0 serves the whole list from memory, whatever the limit, as Kubernetes' watch cache does.
  if (limit <= 0 || items.length <= limit || request.resourceVersion === '0') {
    return { items, resourceVersion: String(revision) };
  }
  const shown = items.slice(0, limit);
  const from = `${shown.at(-1)?.key}\0`;
  return {
    items: shown,
    resourceVersion: String(revision),
    continueToken: encodeContinue({ revision, from }),
    ...(request.selection.all ? { remainingItemCount: items.length - limit } : {}),
  };
}
