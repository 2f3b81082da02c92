import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KubeObject } from '@kubelab/apimachinery';
import { Etcd3 } from 'etcd3';
import { EtcdStore } from './etcd-store.js';
import type { CacheEvent } from './resource-cache.js';
import { CompactedError, FutureRevisionError, ValueTooLargeError } from './store.js';
import { CuttingProxy, TestEtcd } from './testing/etcd.js';
import { WatchCache } from './watch-cache.js';

const pod = (name: string, data = ''): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  data,
});
const quiet = { warn: () => undefined };
const key = (name: string) => `pods/default/${name}`;

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await what())) {
    if (Date.now() > deadline) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('etcd', () => {
  let etcd: TestEtcd;
  let store: EtcdStore;
  before(async () => {
    etcd = await TestEtcd.start();
    store = new EtcdStore({ servers: [etcd.url], prefix: '/registry' });
  });
  after(async () => {
    store.close();
    await etcd.remove();
  });

  test('writes are compare-and-swap', async () => {
    const made = await store.create(key('a'), pod('a'));
    assert.ok(made);
    assert.equal(made.object.metadata.resourceVersion, String(made.revision));
    assert.equal(await store.create(key('a'), pod('a')), undefined);
    const changed = await store.update(key('a'), made.revision, { ...made.object, data: 'x' });
    assert.ok(changed && changed.revision > made.revision);
    assert.equal(await store.update(key('a'), made.revision, made.object), undefined);
    assert.equal((await store.get(key('a')))?.object.data, 'x');
    assert.equal(await store.delete(key('a'), made.revision), undefined);
    assert.ok(((await store.delete(key('a'), changed.revision)) ?? 0) > changed.revision);
    assert.equal(await store.get(key('a')), undefined);
    assert.equal(await store.update(key('gone'), 1, pod('gone')), undefined);
  });

  test('values that expire are written with a lease', async () => {
    const expiring = new EtcdStore({
      servers: [etcd.url],
      prefix: '/registry',
      ttlSeconds: (name) => (name.startsWith('events/') ? 3600 : undefined),
    });
    const raw = new Etcd3({ hosts: etcd.url });
    const leaseOf = async (name: string) =>
      (await raw.kv.range({ key: Buffer.from(`/registry/${name}`) })).kvs[0]?.lease;
    await expiring.create('events/default/e', pod('e'));
    await expiring.create(key('lasting'), pod('lasting'));
    const lease = await leaseOf('events/default/e');
    assert.ok(lease && lease !== '0');
    assert.equal(await leaseOf(key('lasting')), '0');
    const { TTL } = await raw.leaseClient.leaseTimeToLive({ ID: lease, keys: false });
    assert.ok(Number(TTL) > 3600 && Number(TTL) <= 3660, TTL);
    raw.close();
    expiring.close();
  });

  test('concurrent updates: each wins once', async () => {
    await store.create(key('counter'), pod('counter', '0'));
    const worker = async () => {
      for (let done = 0; done < 10; ) {
        const now = await store.get(key('counter'));
        assert.ok(now);
        const next = { ...now.object, data: String(Number(now.object.data) + 1) };
        if (await store.update(key('counter'), now.revision, next)) done++;
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    assert.equal((await store.get(key('counter')))?.object.data, '80');
  });

  test('pages show one state; compacted and future states are told', async () => {
    for (const n of ['p1', 'p2', 'p3']) await store.create(`pages/${n}`, pod(n));
    const first = await store.list('pages/', { limit: 2 });
    assert.equal(first.more, true);
    assert.equal(first.count, 3);
    await store.create('pages/p4', pod('p4'));
    const from = `${first.items.at(-1)?.key}\0`;
    const second = await store.list('pages/', { from, limit: 2, revision: first.revision });
    assert.deepEqual(
      second.items.map((i) => i.key),
      ['pages/p3'],
    );
    await store.compact(await store.currentRevision());
    await assert.rejects(store.list('pages/', { revision: first.revision }), CompactedError);
    await assert.rejects(store.list('pages/', { revision: 1_000_000 }), FutureRevisionError);
    await assert.rejects(store.create('pages/big', pod('big', 'x'.repeat(4 << 20))), ValueTooLargeError);
  });

  test('the cache follows, serves consistent reads, and sees revisions of foreign keys', async () => {
    const cache = new WatchCache(store, quiet);
    await cache.start();
    const foreign = new EtcdStore({ servers: [etcd.url], prefix: '/elections' });
    try {
      for (let i = 0; i < 50; i++) {
        const made = await store.create(key(`c${i}`), pod(`c${i}`));
        await cache.waitUntilCurrent();
        assert.equal(cache.resource('pods').get(key(`c${i}`))?.revision, made?.revision);
        await foreign.create(`leader-${i}`, pod('x'));
        await cache.waitUntilCurrent();
      }
      assert.equal(cache.resource('pods').get('leader-1'), undefined);
    } finally {
      foreign.close();
      await cache.stop();
    }
  });

  test('a restart of etcd: nothing is lost, watchers go on, calls are retried', async () => {
    const cache = new WatchCache(store, quiet);
    await cache.start();
    const seen: CacheEvent[] = [];
    cache.resource('pods').subscribe((event) => seen.push(event));
    const made = await store.create(key('r1'), pod('r1'));
    await etcd.kill();
    const reading = store.get(key('r1'));
    await etcd.up();
    assert.equal((await reading)?.revision, made?.revision);
    await store.create(key('r2'), pod('r2'));
    await until(() => seen.length === 2);
    await cache.waitUntilCurrent();
    assert.deepEqual(
      seen.map((e) => e.current?.key),
      [key('r1'), key('r2')],
    );
    await cache.stop();
  });
});

describe('a network that breaks', () => {
  let etcd: TestEtcd;
  let direct: EtcdStore;
  let proxy: CuttingProxy;
  let store: EtcdStore;
  let cache: WatchCache;
  const seen: string[] = [];
  before(async () => {
    etcd = await TestEtcd.start();
    proxy = new CuttingProxy(etcd.port);
    await proxy.listen();
    direct = new EtcdStore({ servers: [etcd.url], prefix: '/registry' });
    store = new EtcdStore({
      servers: [`http://127.0.0.1:${proxy.port}`],
      prefix: '/registry',
      requestTimeoutMs: 2_000,
    });
    await direct.create(key('old'), pod('old'));
    cache = new WatchCache(store, quiet);
    await cache.start();
    cache
      .resource('pods')
      .subscribe((e) => seen.push(`${e.current ? 'put' : 'delete'} ${(e.current ?? e.previous)?.key}`));
  });
  after(async () => {
    await cache.stop();
    store.close();
    direct.close();
    await proxy.close();
    await etcd.remove();
  });

  test('cut streams are resumed without loss or repetition', async () => {
    for (let i = 0; i < 20; i++) {
      await direct.create(key(`s${i}`), pod(`s${i}`));
      if (i % 4 === 0) proxy.cut();
    }
    await until(() => seen.length >= 20);
    assert.deepEqual(
      seen,
      Array.from({ length: 20 }, (_, i) => `put ${key(`s${i}`)}`),
    );
  });

  test('compaction while away: the difference is shown as changes', async () => {
    seen.length = 0;
    proxy.freeze();
    const old = await direct.get(key('old'));
    await direct.delete(key('old'), old?.revision ?? 0);
    await direct.create(key('new'), pod('new'));
    await direct.compact(await direct.currentRevision());
    proxy.thaw();
    await until(() => seen.length >= 2);
    assert.deepEqual(seen, [`put ${key('new')}`, `delete ${key('old')}`]);
    assert.equal(cache.resource('pods').get(key('old')), undefined);
    // Whoever watches from before the gap must list again.
    assert.throws(() => cache.resource('pods').eventsSince(1), CompactedError);
  });
});
