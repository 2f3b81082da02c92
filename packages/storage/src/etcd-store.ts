import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KubeObject } from '@kubelab/apimachinery';
import type { Etcd3 } from 'etcd3';
import { connectEtcd, type EtcdConnection } from './connect-etcd.js';
import { encodeObject, withResourceVersion } from './encoding.js';
import { toStoreError } from './etcd-errors.js';
import { watchEtcd } from './etcd-watch.js';
import { LeaseManager } from './lease-manager.js';
import { neverSent, retryUnavailable } from './retry.js';
import type { ListPage, ListPageOptions, Store, StoredObject, WatchBatch, WatchOptions } from './store.js';
import { CacheItem } from './stored-item.js';
import { identityTransformer, type Transformer } from './transformer.js';

export interface EtcdOptions extends EtcdConnection {
  /** Prepended to every key, with a slash at its end: `/registry/`. */
  prefix: string;
  /** Encryption at rest. Default: values as they are. */
  transformer?: Transformer;
  /** After how many seconds the value of a key expires, counted from its last write; undefined for never. */
  ttlSeconds?(key: string): number | undefined;
  /** How long a call may take before it counts as unanswered. Default 10 s. */
  requestTimeoutMs?: number;
}

/** More reads at once would only cost time: each serves everybody who waits, and while one is under way others gather. */
const maxRevisionReads = 2;
const nothing = () => undefined;

type KeyValue = { key: Buffer; value: Buffer; mod_revision: string };

/** The store on etcd v3. */
export class EtcdStore implements Store {
  private readonly client: Etcd3;
  private readonly transformer: Transformer;
  private readonly prefix: string;
  private readonly revisionKey: Buffer;
  private readonly timeoutMs: number;
  private readonly revisionReads = new Set<Promise<void>>();
  private nextRevisionRead: Promise<number> | undefined;
  private readonly leases: LeaseManager;
  private readonly ttlSeconds: (key: string) => number | undefined;

  constructor(options: EtcdOptions) {
    this.prefix = options.prefix.endsWith('/') ? options.prefix : `${options.prefix}/`;
    this.transformer = options.transformer ?? identityTransformer;
    const timeoutMs = options.requestTimeoutMs ?? 10_000;
    this.timeoutMs = timeoutMs;
    this.revisionKey = Buffer.from(this.prefix);
    this.client = connectEtcd(options, timeoutMs);
    this.ttlSeconds = options.ttlSeconds ?? nothing;
    this.leases = new LeaseManager(async (seconds) => {
      const lease = await this.write(() => this.client.leaseClient.leaseGrant({ TTL: seconds, ID: 0 }));
      return lease.ID;
    });
  }

  async get(key: string): Promise<StoredObject | undefined> {
    const response = await this.read(() => this.client.kv.range({ key: this.fullKey(key) }));
    const kv = response.kvs[0];
    return kv ? this.decode(kv) : undefined;
  }

  async list(prefix: string, options: ListPageOptions = {}): Promise<ListPage> {
    const response = await this.read(() =>
      this.client.kv.range({
        key: this.fullKey(options.from || prefix),
        range_end: rangeEnd(this.fullKey(prefix)),
        limit: options.limit ?? 0,
        revision: options.revision ?? 0,
      }),
    );
    return {
      items: response.kvs.map((kv) => this.decode(kv)),
      revision: options.revision ?? Number(response.header.revision),
      more: response.more,
      count: Number(response.count),
    };
  }

  create(key: string, object: KubeObject): Promise<StoredObject | undefined> {
    return this.put(key, 0, object);
  }

  update(key: string, expected: number, object: KubeObject): Promise<StoredObject | undefined> {
    return this.put(key, expected, object);
  }

  async delete(key: string, expected: number): Promise<number | undefined> {
    const full = this.fullKey(key);
    const response = await this.write(() =>
      this.client.kv.txn({
        compare: [{ key: full, target: 'Mod', result: 'Equal', mod_revision: expected }],
        success: [{ request_delete_range: { key: full } }],
      }),
    );
    return response.succeeded ? Number(response.header.revision) : undefined;
  }

  /**
   * One read of etcd serves all callers of a moment: those of the same turn of the event loop, and beyond some reads
   * under way all that come until one of them is answered. (A read that is under way may have been answered before a
   * call was made, so it never serves later callers.)
   */
  currentRevision(): Promise<number> {
    this.nextRevisionRead ??= this.joinedRevisionRead();
    return this.nextRevisionRead;
  }

  private async joinedRevisionRead(): Promise<number> {
    await (this.revisionReads.size < maxRevisionReads ? nextTurn() : Promise.race(this.revisionReads));
    this.nextRevisionRead = undefined;
    const read = this.readRevision();
    const settled = read.then(nothing, nothing);
    this.revisionReads.add(settled);
    try {
      return await read;
    } finally {
      this.revisionReads.delete(settled);
    }
  }

  /**
   * The whole key space is watched, not only the prefix: the stream then shows every revision of the database, those of
   * other programs' keys too, and a reader that waits for one is never left waiting.
   */
  watch(prefix: string, options: WatchOptions): AsyncIterable<WatchBatch> {
    const wanted = this.prefix + prefix;
    return watchEtcd(this.client, options, (event) => {
      const full = event.kv.key.toString('utf8');
      if (!full.startsWith(wanted)) {
        return undefined;
      }
      const key = full.slice(this.prefix.length);
      const revision = Number(event.kv.mod_revision);
      return event.type === 'Put'
        ? { type: 'put', key, revision, item: this.decode(event.kv) }
        : { type: 'delete', key, revision };
    });
  }

  async compact(revision: number): Promise<void> {
    await this.write(() => this.client.kv.compact({ revision, physical: false }));
  }

  close(): void {
    this.client.close();
  }

  private async put(key: string, expected: number, object: KubeObject): Promise<StoredObject | undefined> {
    const full = this.fullKey(key);
    const data = encodeObject(object);
    const value = this.transformer.toStorage(this.prefix + key, data);
    const ttl = this.ttlSeconds(key);
    const request_put = ttl ? { key: full, value, lease: await this.leases.leaseFor(ttl) } : { key: full, value };
    const response = await this.write(() =>
      this.client.kv.txn({
        compare: [{ key: full, target: 'Mod', result: 'Equal', mod_revision: expected }],
        success: [{ request_put }],
      }),
    );
    if (!response.succeeded) {
      return undefined;
    }
    const revision = Number(response.header.revision);
    return new CacheItem(key, revision, withResourceVersion(data, revision));
  }

  private async readRevision(): Promise<number> {
    const response = await this.read(() => this.client.kv.range({ key: this.revisionKey, count_only: true }));
    return Number(response.header.revision);
  }

  private read<T>(call: () => Promise<T>): Promise<T> {
    return retryUnavailable(call, () => true, this.timeoutMs).catch(fail);
  }

  private write<T>(call: () => Promise<T>): Promise<T> {
    return retryUnavailable(call, neverSent, this.timeoutMs).catch(fail);
  }

  private decode(kv: KeyValue): CacheItem {
    const full = kv.key.toString('utf8');
    const revision = Number(kv.mod_revision);
    let form: Buffer | Error;
    try {
      form = withResourceVersion(this.transformer.fromStorage(full, kv.value), revision);
    } catch (error) {
      // One value that can't be read must not keep all others from being served: it fails when somebody asks for it.
      form = new Error(`cannot read the value at ${full}`, { cause: error });
    }
    return new CacheItem(full.slice(this.prefix.length), revision, form);
  }

  private fullKey(key: string): Buffer {
    return Buffer.from(this.prefix + key);
  }
}

function fail(error: unknown): never {
  throw toStoreError(error);
}

/** The end of the range of all keys that begin with the prefix: its last byte raised by one. */
function rangeEnd(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] as number) + 1;
  return end;
}
