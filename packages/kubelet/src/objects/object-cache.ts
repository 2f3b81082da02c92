import { newNotFound } from '@kubelab/apimachinery';
import { type ApiObject, type Client, type Gvr, SharedInformer } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';

interface Entry {
  informer: SharedInformer<ApiObject>;
  users: Set<string>;
  stop: AbortController;
}

export interface ObjectCacheOptions {
  client: Client;
  logger: Logger;
  /** An object that a pod uses has changed, appeared or gone. */
  onChange(podUid: string): void;
}

/**
 * Objects that pods refer to (config maps, secrets), each watched by itself for as long as a pod uses it: the node
 * authorizer lets a kubelet read only those.
 */
export class ObjectCache {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly options: ObjectCacheOptions) {}

  /**
   * The object as the API server has it: read once directly, then from its watch.
   * @throws StatusError NotFound or Forbidden
   */
  async get<T extends ApiObject>(gvr: Gvr, namespace: string, name: string, podUid: string): Promise<T> {
    const key = `${gvr.resource}/${namespace}/${name}`;
    const entry = this.entries.get(key);
    if (entry?.informer.hasSynced()) {
      entry.users.add(podUid);
      const found = entry.informer.lister.get(namespace, name);
      if (!found) throw newNotFound({ group: gvr.group, resource: gvr.resource }, name);
      return found as T;
    }
    if (entry) entry.users.add(podUid);
    else this.watch(key, gvr, namespace, name, podUid);
    return this.options.client.resource<T>(gvr).namespace(namespace).get(name);
  }

  /** Forgets a pod's interest; what nobody uses is no longer watched. */
  release(podUid: string): void {
    for (const [key, entry] of this.entries) {
      if (!entry.users.delete(podUid) || entry.users.size > 0) continue;
      entry.stop.abort();
      this.entries.delete(key);
    }
  }

  close(): void {
    for (const entry of this.entries.values()) entry.stop.abort();
    this.entries.clear();
  }

  private watch(key: string, gvr: Gvr, namespace: string, name: string, podUid: string): void {
    const { client, logger } = this.options;
    const informer = new SharedInformer<ApiObject>(client.resource<ApiObject>(gvr), {
      namespace,
      fieldSelector: `metadata.name=${name}`,
      logger,
      name: gvr.resource,
    });
    const entry: Entry = { informer, users: new Set([podUid]), stop: new AbortController() };
    this.entries.set(key, entry);
    const changed = () => {
      for (const uid of entry.users) this.options.onChange(uid);
    };
    informer.addEventHandler({
      add: (_object, initial) => {
        if (!initial) changed();
      },
      update: changed,
      delete: changed,
    });
    informer.run(entry.stop.signal).catch((error) => logger.error('Watch of an object failed', { object: key, error }));
  }
}
