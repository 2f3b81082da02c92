import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { Etcd3 } from 'etcd3';
import { EtcdElector } from './etcd-elector.js';
import { CuttingProxy, TestEtcd } from './testing/etcd.js';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!what()) {
    if (Date.now() > deadline) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** So long that a busy machine ends no leadership, and so short that a test can wait for the end of one. */
const [long, short] = [
  { leaseDurationMs: 30_000, renewDeadlineMs: 25_000 },
  { leaseDurationMs: 3_000, renewDeadlineMs: 1_500 },
];

/** Who leads now, of all candidates of a test; more than one at a time is an error whenever it happens. */
class Leaders {
  readonly now = new Set<string>();
  mostAtOnce = 0;

  begin(name: string): void {
    this.now.add(name);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.now.size);
  }
}

describe('election in etcd', () => {
  let etcd: TestEtcd;
  let raw: Etcd3;
  before(async () => {
    etcd = await TestEtcd.start();
    raw = new Etcd3({ hosts: etcd.url });
  });
  after(async () => {
    raw.close();
    await etcd.remove();
  });

  /** A candidate that runs until its stop is called; the test's end stops it too. */
  function stand(t: TestContext, election: string, leaders: Leaders, identity: string, url = etcd.url, times = long) {
    const stop = new AbortController();
    const elector = new EtcdElector({
      etcd: { servers: [url] },
      prefix: `/election/${election}/`,
      identity,
      ...times,
      retryPeriodMs: 200,
      onStartedLeading: (signal) => {
        leaders.begin(identity);
        signal.addEventListener('abort', () => leaders.now.delete(identity));
      },
      logger: quiet,
    });
    const ended = elector.run(stop.signal);
    const end = async () => {
      stop.abort();
      await ended;
    };
    t.after(end);
    return { elector, ended, end };
  }

  test('one of many leads; when it stops another does at once', async (t) => {
    const leaders = new Leaders();
    const candidates = new Map(['a', 'b', 'c'].map((name) => [name, stand(t, 'many', leaders, name)]));
    for (let left = 3; left > 0; left--) {
      await until(() => leaders.now.size === 1);
      const [name = ''] = leaders.now;
      assert.equal(candidates.get(name)?.elector.isLeader(), true);
      await candidates.get(name)?.end();
    }
    assert.equal(leaders.mostAtOnce, 1);
    assert.equal((await raw.getAll().prefix('/election/many/').keys()).length, 0, 'leases are released');
  });

  test('a leader whose lease or key is taken away stops leading', async (t) => {
    for (const how of ['lease', 'key'] as const) {
      const leaders = new Leaders();
      const { ended } = stand(t, how, leaders, 'a');
      await until(() => leaders.now.size === 1);
      const [key = ''] = await raw.getAll().prefix(`/election/${how}/`).keys();
      if (how === 'key') await raw.delete().key(key);
      else await raw.leaseClient.leaseRevoke({ ID: BigInt(`0x${key.split('/').at(-1)}`).toString() });
      await ended;
      assert.equal(leaders.now.size, 0);
    }
  });

  test('a leader that is cut off gives up before another can lead', async (t) => {
    const proxy = new CuttingProxy(etcd.port);
    await proxy.listen();
    t.after(() => proxy.close());
    const leaders = new Leaders();
    const first = stand(t, 'cut', leaders, 'first', `http://127.0.0.1:${proxy.port}`, short);
    await until(() => leaders.now.has('first'));
    stand(t, 'cut', leaders, 'second', etcd.url, short);
    proxy.freeze();
    await first.ended;
    await until(() => leaders.now.has('second'));
    assert.equal(leaders.mostAtOnce, 1);
  });

  test('streams that break are no loss', async (t) => {
    const proxy = new CuttingProxy(etcd.port);
    await proxy.listen();
    t.after(() => proxy.close());
    const leaders = new Leaders();
    const { elector } = stand(t, 'broken', leaders, 'a', `http://127.0.0.1:${proxy.port}`);
    await until(() => leaders.now.size === 1);
    const [key = ''] = await raw.getAll().prefix('/election/broken/').keys();
    proxy.cut();
    // It renews, over connections that are new.
    const { answers } = proxy;
    await until(() => proxy.answers > answers + 10);
    assert.equal(elector.isLeader(), true);
    assert.deepEqual(await raw.getAll().prefix('/election/broken/').keys(), [key], 'it is the same candidacy');
  });
});
