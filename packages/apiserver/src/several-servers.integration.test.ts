import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestApiServer } from './testing/test-api-server.js';

const configMaps = '/api/v1/namespaces/default/configmaps';
const services = '/api/v1/namespaces/default/services';

describe('two API servers on one etcd', () => {
  let one: TestApiServer;
  let two: TestApiServer;
  before(async () => {
    one = await TestApiServer.start();
    two = await TestApiServer.start([], one);
  });
  after(async () => {
    await two.remove();
    await one.remove();
  });

  test('a write through one is seen by a consistent read through the other at once', async () => {
    for (let i = 0; i < 30; i++) {
      const made = await one.ask(configMaps, { body: { metadata: { name: `c${i}` } } });
      assert.equal(made.status, 201, made.text);
      const read = await two.ask(`${configMaps}/c${i}`);
      assert.equal(read.status, 200);
      assert.equal(read.json.metadata.resourceVersion, made.json.metadata.resourceVersion);
      const list = await two.ask(configMaps);
      assert.ok(list.json.items.some((o: { metadata: { name: string } }) => o.metadata.name === `c${i}`));
    }
  });

  test('Services get addresses and node ports without doubles', async () => {
    const make = (server: TestApiServer, name: string) =>
      server.ask(services, {
        body: { metadata: { name }, spec: { type: 'NodePort', ports: [{ port: 80 }], selector: { a: 'b' } } },
      });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => make(i % 2 === 0 ? one : two, `s${i}`)));
    for (const a of answers) assert.equal(a.status, 201, a.text);
    assert.equal(new Set(answers.map((a) => a.json.spec.clusterIP)).size, 40);
    assert.equal(new Set(answers.map((a) => a.json.spec.ports[0].nodePort)).size, 40);
  });

  test('updates through both: each change wins once', async () => {
    await one.ask(configMaps, { body: { metadata: { name: 'counter' }, data: { n: '0' } } });
    const worker = async (server: TestApiServer) => {
      for (let done = 0; done < 10; ) {
        const { json } = await server.ask(`${configMaps}/counter`);
        json.data.n = String(Number(json.data.n) + 1);
        const { status } = await server.ask(`${configMaps}/counter`, { method: 'PUT', body: json });
        if (status === 200) done++;
        else assert.equal(status, 409);
      }
    };
    await Promise.all([worker(one), worker(two), worker(one), worker(two)]);
    assert.equal((await one.ask(`${configMaps}/counter`)).json.data.n, '40');
  });

  test('what was acknowledged survives kill -9 and a restart', async () => {
    const acknowledged: string[] = [];
    let killed = Promise.resolve();
    const writing = (async () => {
      for (let i = 0; ; i++) {
        const answer = await one.ask(configMaps, { body: { metadata: { name: `k${i}` } } }).catch(() => undefined);
        if (answer?.status !== 201) return;
        acknowledged.push(`k${i}`);
        if (i === 30) killed = one.kill();
      }
    })();
    await writing;
    // Until it has ended it has its port.
    await killed;
    await one.up();
    for (const name of acknowledged) assert.equal((await one.ask(`${configMaps}/${name}`)).status, 200, name);
    assert.ok(acknowledged.length >= 30);
  });

  test('etcd away: requests fail in time, and are served again when it is back', async () => {
    await one.etcd.kill();
    assert.equal((await one.ask('/livez/ping')).status, 200);
    assert.equal((await one.ask('/readyz/etcd')).status, 500);
    await one.etcd.up();
    const made = await one.ask(configMaps, { body: { metadata: { name: 'after' } } });
    assert.equal(made.status, 201, made.text);
    assert.equal((await two.ask(`${configMaps}/after`)).status, 200);
  });
});
