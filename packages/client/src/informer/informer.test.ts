import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import type { KubeObject } from '@kubelab/apimachinery';
import { gvr } from '../gvr.js';
import { Client } from '../rest/client.js';
import { beginWatch, ScriptedServer, sendJson } from '../testing/scripted-server.js';
import { InformerFactory } from './factory.js';

const pod = (name: string, rv: number, uid = name): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'd', resourceVersion: String(rv), uid, labels: { app: name } },
});

/** A server with a list to answer and the open watches; the test changes both. */
async function setUp() {
  const state = {
    items: [] as KubeObject[],
    rv: 1,
    watches: [] as { res: ServerResponse; from: string; send: (e: unknown) => void }[],
    lists: [] as string[],
  };
  const server = new ScriptedServer((_req, res, url) => {
    if (url.searchParams.get('watch')) {
      state.watches.push({ res, from: url.searchParams.get('resourceVersion') ?? '', send: beginWatch(res) });
    } else {
      state.lists.push(url.search);
      sendJson(res, 200, {
        kind: 'PodList',
        apiVersion: 'v1',
        metadata: { resourceVersion: String(state.rv) },
        items: state.items,
      });
    }
  });
  await server.start();
  const client = new Client({ server: server.url });
  const factory = new InformerFactory(client);
  const informer = factory.informer(gvr.pods, { indexers: { app: (o) => [o.metadata.labels?.app ?? ''] } });
  const log: string[] = [];
  let wake = (): void => undefined;
  const note = (line: string): void => {
    log.push(line);
    wake();
  };
  informer.addEventHandler({
    add: (o, initial) => note(`add ${o.metadata.name}${initial ? ' initial' : ''}`),
    update: (a, b) => note(`update ${a.metadata.name} ${a.metadata.resourceVersion}->${b.metadata.resourceVersion}`),
    delete: (o) => note(`delete ${o.metadata.name} ${o.metadata.resourceVersion}`),
  });
  const stop = new AbortController();
  const until = async (n: number): Promise<string[]> => {
    while (log.length < n) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return log.splice(0);
  };
  const close = async (): Promise<void> => {
    stop.abort();
    await factory.stopped();
    client.close();
    await server.stop();
  };
  return { server, state, factory, informer, until, stop, close };
}

test('list, events, bookmarks, and going on from the last version after the watch ended', async () => {
  const t = await setUp();
  t.state.items = [pod('a', 1), pod('b', 1)];
  t.factory.start(t.stop.signal);
  await t.factory.waitForSync();
  assert.deepEqual(await t.until(2), ['add a initial', 'add b initial']);
  assert.match(t.state.lists[0] ?? '', /resourceVersion=0/);
  await t.server.until(() => t.state.watches.length === 1);
  const watch = t.state.watches[0];
  watch?.send({ type: 'MODIFIED', object: pod('a', 5) });
  watch?.send({ type: 'DELETED', object: pod('b', 6) });
  watch?.send({ type: 'ADDED', object: pod('c', 7) });
  watch?.send({ type: 'BOOKMARK', object: { kind: 'Pod', metadata: { resourceVersion: '9' } } });
  assert.deepEqual(await t.until(3), ['update a 1->5', 'delete b 6', 'add c']);
  assert.deepEqual(
    t.informer.lister.list('d').map((o) => o.metadata.name),
    ['a', 'c'],
  );
  assert.deepEqual(
    t.informer.lister.byIndex('app', 'c').map((o) => o.metadata.name),
    ['c'],
  );
  watch?.res.end();
  await t.server.until(() => t.state.watches.length === 2);
  assert.equal(t.state.watches[1]?.from, '9');
  assert.equal(t.state.lists.length, 1, 'no new list');
  await t.close();
});

test('410 leads to a consistent list whose differences are told exactly', async () => {
  const t = await setUp();
  t.state.items = [pod('same', 1), pod('changed', 1), pod('gone', 1), pod('remade', 1, 'one')];
  t.factory.start(t.stop.signal);
  await t.until(4);
  await t.server.until(() => t.state.watches.length === 1);
  t.state.items = [pod('same', 1), pod('changed', 3), pod('remade', 3, 'two'), pod('new', 3)];
  t.state.rv = 4;
  t.state.watches[0]?.send({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'old' } });
  assert.deepEqual(await t.until(5), [
    'update changed 1->3',
    'delete remade 1',
    'add remade',
    'add new',
    'delete gone 1',
  ]);
  assert.doesNotMatch(t.state.lists[1] ?? '', /resourceVersion/);
  await t.close();
});

test('a server that is away for a while: the watch goes on where it was', async () => {
  const t = await setUp();
  t.state.items = [pod('a', 1)];
  t.factory.start(t.stop.signal);
  await t.until(1);
  await t.server.until(() => t.state.watches.length === 1);
  await t.server.stop();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await t.server.start();
  await t.server.until(() => t.state.watches.length === 2);
  t.state.watches[1]?.send({ type: 'MODIFIED', object: pod('a', 2) });
  assert.deepEqual(await t.until(1), ['update a 1->2']);
  assert.equal(t.state.lists.length, 1);
  await t.close();
});

test('a handler that comes late is told what is there', async () => {
  const t = await setUp();
  t.state.items = [pod('a', 1)];
  t.factory.start(t.stop.signal);
  await t.factory.waitForSync();
  const seen: string[] = [];
  t.informer.addEventHandler({ add: (o, initial) => seen.push(`${o.metadata.name} ${initial}`) });
  assert.deepEqual(seen, ['a true']);
  await t.close();
});
