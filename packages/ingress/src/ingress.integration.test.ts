import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { V1EndpointSlice, V1HTTPIngressPath, V1Ingress, V1Secret, V1Service } from '@kubelab/api';
import { createLogger } from '@kubelab/component-base';
import { isServed } from './class.js';
import { compile } from './compile.js';
import { Nginx } from './nginx.js';

// A real nginx on free loopback ports; backends are servers of this test that answer NAME PATH PROTO.
const exec = promisify(execFile);
const backends = new Map<string, Server>();
const services = new Map<string, V1Service>();
const slices = new Map<string, V1EndpointSlice[]>();
const secrets = new Map<string, V1Secret>();
let complaints: string[] = [];
let dir: string;
let nginx: Nginx;
let http: number;
let https: number;

async function freePort(): Promise<number> {
  const s = createTcpServer();
  await new Promise<void>((resolve) => s.listen(0, '127.0.0.1', resolve));
  const { port } = s.address() as AddressInfo;
  await new Promise((resolve) => s.close(resolve));
  return port;
}

async function backend(name: string): Promise<number> {
  const server = createServer((q, s) => s.end(`${name} ${q.url} ${q.headers['x-forwarded-proto']}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  backends.set(name, server);
  return (server.address() as AddressInfo).port;
}

function addService(name: string, ports: number[]): void {
  services.set(name, {
    metadata: { name, namespace: 'default' },
    spec: { clusterIP: '10.96.0.1', ports: [{ name: 'http', port: 80 }] },
  });
  slices.set(
    name,
    ports.map((port) => ({
      addressType: 'IPv4',
      ports: [{ name: 'http', port }],
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    })),
  );
}

const path = (p: string, service: string, pathType = 'Prefix'): V1HTTPIngressPath => ({
  path: p,
  pathType,
  backend: { service: { name: service, port: { number: 80 } } },
});
const ingress = (name: string, spec: V1Ingress['spec'], annotations: Record<string, string> = {}): V1Ingress => ({
  metadata: { name, namespace: 'default', annotations, creationTimestamp: '2026-01-01T00:00:00Z' },
  ...(spec ? { spec } : {}),
});

function apply(...list: V1Ingress[]): Promise<boolean> {
  complaints = [];
  const model = compile(
    list,
    {
      service: (_ns, name) => services.get(name),
      slices: (_ns, name) => slices.get(name) ?? [],
      secret: (_ns, name) => secrets.get(name),
    },
    (i, message) => complaints.push(`${i.metadata?.name}: ${message}`),
  );
  return nginx.apply(model);
}

async function get(url: string, host: string, ...more: string[]): Promise<string> {
  const port = url.startsWith('https') ? https : http;
  const full = url.replace('://x', `://${host}:${port}`);
  const args = [
    '-sk',
    '--max-time',
    '3',
    '--resolve',
    `${host}:${port}:127.0.0.1`,
    '-w',
    '|%{http_code}',
    ...more,
    full,
  ];
  try {
    return (await exec('curl', args)).stdout;
  } catch (e) {
    return `curl ${(e as { code?: number }).code}`;
  }
}

/** Until nginx' new workers alone answer: for a moment after a reload old ones still take connections. */
async function eventually(url: string, host: string, expected: RegExp, ...options: string[]): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (let inSuccession = 0; inSuccession < 8; ) {
    const got = await get(url, host, ...options);
    inSuccession = expected.test(got) ? inSuccession + 1 : 0;
    assert.ok(Date.now() < deadline, `${url} at ${host}: ${got} is not ${expected}`);
  }
}

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ingress-'));
  http = await freePort();
  https = await freePort();
  nginx = new Nginx(
    {
      httpPort: http,
      httpsPort: https,
      statusPort: await freePort(),
      dir,
      workers: 1,
      user: process.getuid?.() === 0 ? 'root' : undefined,
      ipv6: false,
    },
    '/usr/sbin/nginx',
    createLogger({ component: 'test', format: 'text', verbosity: 0 }),
  );
  for (const name of ['a', 'b', 'c']) addService(name, [await backend(name)]);
  addService('empty', []);
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      join(dir, 'k.pem'),
      '-out',
      join(dir, 'c.pem'),
      '-days',
      '2',
      '-subj',
      '/CN=tls.example',
    ],
    { stdio: 'ignore' },
  );
  const base64 = async (file: string) => (await readFile(join(dir, file))).toString('base64');
  secrets.set('cert', {
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': await base64('c.pem'), 'tls.key': await base64('k.pem') },
  });
});

after(async () => {
  await nginx.stop();
  for (const s of backends.values()) {
    s.close();
    s.closeAllConnections();
  }
  await rm(dir, { recursive: true });
});

test('hosts, paths and path types', async () => {
  await apply(
    ingress('one', {
      rules: [
        {
          host: 'one.example',
          http: { paths: [path('/', 'a'), path('/foo', 'b'), path('/foo', 'c', 'Exact'), path('/foo/bar/', 'c')] },
        },
      ],
    }),
    ingress('wild', { rules: [{ host: '*.wild.example', http: { paths: [path('/', 'b')] } }] }),
    ingress('all', { rules: [{ http: { paths: [path('/only', 'c')] } }] }),
  );
  await eventually('http://x/', 'one.example', /^a /);
  for (const [url, host, expected] of [
    ['http://x/', 'one.example', 'a / http|200'],
    ['http://x/foo', 'one.example', 'c /foo http|200'],
    ['http://x/foo/', 'one.example', 'b /foo/ http|200'],
    ['http://x/foo/x?y=1', 'one.example', 'b /foo/x?y=1 http|200'],
    ['http://x/foobar', 'one.example', 'a /foobar http|200'],
    ['http://x/foo/bar', 'one.example', 'c /foo/bar http|200'],
    ['http://x/foo/barn', 'one.example', 'b /foo/barn http|200'],
    ['http://x/', 'sub.wild.example', 'b / http|200'],
    ['http://x/', 'a.b.wild.example', 'default backend - 404\n|404'],
    ['http://x/', 'wild.example', 'default backend - 404\n|404'],
    ['http://x/only', 'anything.example', 'c /only http|200'],
    ['http://x/other', 'anything.example', 'default backend - 404\n|404'],
  ] as const) {
    assert.equal(await get(url, host), expected, `${host} ${url}`);
  }
});

test('default backends, missing Services and endpoints', async () => {
  await apply(
    ingress('default', { defaultBackend: { service: { name: 'a', port: { name: 'http' } } } }),
    ingress('gone', {
      rules: [{ host: 'gone.example', http: { paths: [path('/x', 'missing'), path('/e', 'empty')] } }],
    }),
  );
  await eventually('http://x/any', 'unknown.example', /^a \/any http\|200$/);
  assert.equal(await get('http://x/x', 'gone.example'), 'no endpoints\n|503');
  assert.equal(await get('http://x/e', 'gone.example'), 'no endpoints\n|503');
  assert.deepEqual(complaints, ['gone: Service missing does not exist']);
});

test('TLS by secret, redirect to it, unknown names refused', async () => {
  const tls = {
    tls: [
      { hosts: ['tls.example'], secretName: 'cert' },
      { hosts: ['no.example'], secretName: 'nope' },
    ],
    rules: [{ host: 'tls.example', http: { paths: [path('/', 'a')] } }],
  };
  await apply(ingress('tls', tls));
  await eventually('https://x/s', 'tls.example', /^a \/s https\|200$/);
  // A worker of the configuration before may still take a connection: the other port is waited for too.
  await eventually('http://x/s?q=1', 'tls.example', /308[\s\S]*Location: https:\/\/tls.example\/s\?q=1/i, '-i');
  assert.equal(await get('https://x/', 'unknown.example'), 'curl 35');
  assert.deepEqual(complaints, ['tls: Secret nope does not exist']);
  await apply(ingress('tls', tls, { 'nginx.ingress.kubernetes.io/ssl-redirect': 'false' }));
  await eventually('http://x/', 'tls.example', /^a \/ http\|200$/);
  await apply();
  assert.deepEqual(await readdir(join(dir, 'certs')), []);
});

test('what could break out of the configuration is refused; the rest is served', async () => {
  await apply(
    ingress(
      'evil',
      { rules: [{ host: 'e.example', http: { paths: [path('/a"; } evil', 'a'), path('/ok', 'a')] } }] },
      { 'nginx.ingress.kubernetes.io/proxy-body-size': '1m; evil' },
    ),
  );
  await eventually('http://x/ok', 'e.example', /^a \/ok http\|200$/);
  assert.match(complaints.join(), /evil: path .* cannot be served/);
});

test('no request is lost while endpoints and rules change', async () => {
  const rule = (service: string) =>
    ingress('roll', { rules: [{ host: 'roll.example', http: { paths: [path('/', service)] } }] });
  await apply(rule('a'));
  await eventually('http://x/', 'roll.example', /^a /);
  let isDone = false;
  let count = 0;
  const failures: string[] = [];
  const load = (async () => {
    while (!isDone) {
      const got = await get('http://x/', 'roll.example');
      count++;
      if (!/^[abc] \/ http\|200$/.test(got)) failures.push(got);
    }
  })();
  for (const name of ['b', 'c', 'a', 'b', 'c', 'a', 'b']) {
    await apply(rule(name));
    await eventually('http://x/', 'roll.example', new RegExp(`^${name} `));
  }
  isDone = true;
  await load;
  assert.deepEqual(failures, []);
  assert.ok(count > 5);
});

test('classes: by field, by annotation, by default', () => {
  const ours = { metadata: { name: 'nginx' }, spec: { controller: 'kubelab.io/ingress-nginx' } };
  const theirs = { metadata: { name: 'other' }, spec: { controller: 'x' } };
  const isDefault = {
    ...ours,
    metadata: { name: 'nginx', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
  };
  assert.ok(isServed(ingress('i', { ingressClassName: 'nginx' }), [ours, theirs]));
  assert.ok(!isServed(ingress('i', { ingressClassName: 'other' }), [ours, theirs]));
  assert.ok(isServed(ingress('i', {}, { 'kubernetes.io/ingress.class': 'nginx' }), [ours]));
  assert.ok(!isServed(ingress('i', {}), [ours]));
  assert.ok(isServed(ingress('i', {}), [isDefault]));
});
