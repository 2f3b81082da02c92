import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { HealthRegistry } from './health.js';
import { createLogger } from './logger.js';
import { serveOperational } from './operational-server.js';

test('health paths and metrics, in the form of Kubernetes', async () => {
  const health = new HealthRegistry();
  let broken = false;
  health.addCheck('etcd', () => {
    if (broken) {
      throw new Error('gone');
    }
  });
  health.addCheck('shutdown', () => undefined, ['readyz']);
  const logger = createLogger({ component: 'test', format: 'json', verbosity: 0 });
  const server = await serveOperational({ bindAddress: '127.0.0.1', port: 0, health, metrics: new Registry(), logger });
  const get = async (path: string) => {
    const res = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return { status: res.status, body: await res.text() };
  };
  try {
    assert.deepEqual(await get('/healthz'), { status: 200, body: 'ok' });
    assert.deepEqual(await get('/readyz?verbose'), {
      status: 200,
      body: '[+]ping ok\n[+]etcd ok\n[+]shutdown ok\nreadyz check passed\n',
    });
    assert.equal((await get('/livez/shutdown')).status, 404);
    broken = true;
    assert.deepEqual(await get('/livez'), {
      status: 500,
      body: '[+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed\n',
    });
    assert.equal((await get('/livez?exclude=etcd')).status, 200);
    assert.equal((await get('/livez/etcd')).status, 500);
    assert.equal((await get('/metrics')).status, 200);
    assert.equal((await get('/other')).status, 404);
  } finally {
    await server.close();
  }
});
