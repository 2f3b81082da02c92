import assert from 'node:assert/strict';
import { request } from 'node:https';
import { type TestContext, test } from 'node:test';
import type { V1Node, V1Pod } from '@kubelab/api';
import type { Client, Lister } from '@kubelab/client';
import { createLogger, HealthRegistry, Registry } from '@kubelab/component-base';
import { createCa, type KeyPair, selfSigned, signCertificate } from '@kubelab/pki';
import type { AuthenticationConfig } from '../auth/authentication-config.js';
import { DelegatedAuth } from '../auth/delegated-auth.js';
import { MetricStorage } from '../storage/metric-storage.js';
import { MetricsApi } from './metrics-api.js';
import { serveMetrics } from './server.js';

interface Reply {
  code: number;
  body: Record<string, unknown>;
}
interface Ask {
  path?: string;
  method?: string;
  cert?: KeyPair;
  headers?: Record<string, string | string[]>;
}

const point = (ms: number, cpuSeconds: number) => ({ timestampMs: ms, cpuSeconds, memoryBytes: 2048 * 1024 });
const base = '/apis/metrics.k8s.io/v1beta1';
const admin = { 'X-Remote-User': 'admin', 'X-Remote-Group': ['system:masters'] };

function lister<T extends { metadata?: { name?: string; namespace?: string } }>(objects: T[]): Lister<T> {
  return {
    list: (namespace?: string) => objects.filter((o) => !namespace || o.metadata?.namespace === namespace),
    get: (namespace: string | undefined, name: string) =>
      objects.find((o) => o.metadata?.name === name && (!namespace || o.metadata?.namespace === namespace)),
    byIndex: () => [],
  } as unknown as Lister<T>;
}

/** A server with one node and two pods; only members of system:masters are allowed anything. */
async function serve(t: TestContext) {
  const frontProxyCa = await createCa('front-proxy-ca');
  const userCa = await createCa('kubernetes');
  const client = (ca: KeyPair, commonName: string, organizations: string[] = []) =>
    signCertificate(ca, { commonName, organizations, usages: ['client'] });
  const storage = new MetricStorage(15_000);
  for (const [ms, cpu] of [
    [1000, 1],
    [11_000, 6],
  ] as const) {
    const pods = ['ns/a', 'other/b'].map((key) => [key, new Map([['c', point(ms, cpu)]])] as const);
    storage.store([{ nodeName: 'n1', node: point(ms, cpu), pods: new Map(pods) }]);
  }
  const pod = (namespace: string, name: string): V1Pod => ({ metadata: { namespace, name, labels: { app: name } } });
  const reviewer = {
    resource: () => ({
      create: async ({ spec }: { spec: { groups?: string[] } }) => ({
        status: { allowed: spec.groups?.includes('system:masters') === true },
      }),
    }),
  } as unknown as Client;
  const config: AuthenticationConfig = {
    clientCa: userCa.certPem,
    requestheaderCa: frontProxyCa.certPem,
    allowedNames: ['front-proxy-client'],
    usernameHeaders: ['X-Remote-User'],
    groupHeaders: ['X-Remote-Group'],
    extraHeaderPrefixes: ['X-Remote-Extra-'],
  };
  const own = await selfSigned({ commonName: 'metrics-server', usages: ['server'], dnsNames: ['localhost'] });
  const server = await serveMetrics({
    bindAddress: '127.0.0.1',
    port: 0,
    cert: own.certPem,
    key: own.keyPem,
    api: new MetricsApi({
      storage,
      nodes: lister<V1Node>([{ metadata: { name: 'n1' } }, { metadata: { name: 'without-usage' } }]),
      pods: lister([pod('other', 'b'), pod('ns', 'a')]),
    }),
    auth: new DelegatedAuth(reviewer, () => config),
    authentication: config,
    health: new HealthRegistry(),
    metrics: new Registry(),
    logger: createLogger({ component: 'test', format: 'text', verbosity: 0 }),
  });
  t.after(() => server.close());
  const ask = ({ path = `${base}/nodes`, method = 'GET', cert, headers }: Ask): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const identity = cert ? { cert: cert.certPem, key: cert.keyPem } : {};
      const o = {
        host: '127.0.0.1',
        port: server.port,
        path,
        method,
        headers,
        agent: false,
        rejectUnauthorized: false,
      };
      const req = request({ ...o, ...identity }, (res) => {
        let text = '';
        res.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        res.on('end', () =>
          resolve({ code: res.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : { text } }),
        );
      });
      req.on('error', reject).end();
    });
  const proxy = await client(frontProxyCa, 'front-proxy-client');
  return {
    ask,
    asAdmin: (path: string, more: Ask = {}) => ask({ path, cert: proxy, headers: admin, ...more }),
    proxy,
    client,
    frontProxyCa,
    userCa,
  };
}

const names = ({ body }: Reply) =>
  (body.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);

test('who may read metrics', async (t) => {
  const { ask, proxy, client, frontProxyCa, userCa } = await serve(t);
  const code = async (o: Ask) => (await ask(o)).code;
  assert.equal(await code({ cert: proxy, headers: admin }), 200, 'the front proxy names the user');
  assert.equal(await code({ headers: admin }), 403, 'headers without the proxy certificate are nothing');
  assert.equal(await code({ cert: proxy, headers: { 'X-Remote-User': 'bob' } }), 403);
  assert.equal(await code({ cert: await client(frontProxyCa, 'another'), headers: admin }), 401, 'name not allowed');
  assert.equal(
    await code({ cert: await client(userCa, 'root', ['system:masters']) }),
    200,
    'a user with a certificate',
  );
  assert.equal(await code({ cert: await client(userCa, 'bob'), headers: admin }), 403, 'users cannot be proxies');
  assert.equal(await code({ cert: await client(await createCa('x'), 'front-proxy-client'), headers: admin }), 403);
  assert.equal(await code({ path: '/readyz' }), 200, 'health is open');
});

test('usage of nodes and pods', async (t) => {
  const { asAdmin } = await serve(t);
  const node = await asAdmin(`${base}/nodes/n1`);
  assert.deepEqual(node.body.usage, { cpu: '500m', memory: '2Mi' });
  assert.equal(node.body.window, '10s');
  assert.equal(node.body.timestamp, '1970-01-01T00:00:11Z');
  assert.deepEqual(names(await asAdmin(`${base}/nodes`)), ['n1']);
  assert.deepEqual(names(await asAdmin(`${base}/pods`)), ['a', 'b']);
  assert.deepEqual(names(await asAdmin(`${base}/namespaces/ns/pods`)), ['a']);
  assert.deepEqual(names(await asAdmin(`${base}/pods?labelSelector=app%20in%20(b)`)), ['b']);
  assert.deepEqual(names(await asAdmin(`${base}/pods?fieldSelector=metadata.name%3Da`)), ['a']);
  const pod = await asAdmin(`${base}/namespaces/ns/pods/a`);
  assert.deepEqual(pod.body.containers, [{ name: 'c', usage: { cpu: '500m', memory: '2Mi' } }]);
});

test('what is not there, or cannot be done', async (t) => {
  const { asAdmin } = await serve(t);
  const missing = await asAdmin(`${base}/nodes/without-usage`);
  assert.deepEqual([missing.code, missing.body.reason], [404, 'NotFound']);
  assert.equal((await asAdmin(`${base}/namespaces/ns/nodes`)).code, 404);
  assert.equal((await asAdmin(`${base}/nodes?watch=true`)).code, 405);
  assert.equal((await asAdmin(`${base}/nodes`, { method: 'POST' })).code, 405);
  assert.equal((await asAdmin(`${base}/pods?labelSelector=%2F%2F`)).code, 400);
  assert.equal((await asAdmin('/nothing')).code, 404);
});

test('discovery, tables and metrics of its own', async (t) => {
  const { asAdmin, proxy } = await serve(t);
  const { body } = await asAdmin(base);
  assert.deepEqual(
    (body.resources as { name: string }[]).map(({ name }) => name),
    ['nodes', 'pods'],
  );
  const headers = { ...admin, Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
  const table = await asAdmin(`${base}/nodes`, { cert: proxy, headers });
  assert.deepEqual((table.body.rows as { cells: string[] }[])[0]?.cells, ['n1', '500m', '2Mi', '10s']);
  assert.equal((await asAdmin('/metrics')).code, 200);
});
