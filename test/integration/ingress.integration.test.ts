import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { V1EndpointSlice, V1Ingress, V1IngressClass, V1Service } from '@kubelab/api';
import { gvr, waitFor } from '@kubelab/client';
import { freePort } from '@kubelab/component-base/testing';
import { TestCluster } from './lib/cluster.js';
import type { ServiceProcess } from './lib/process.js';

// The Ingress controller as a process, with the rights of its addon's manifest, against a real API server.

const timeoutMs = 180_000;
const workDir = mkdtempSync(join(tmpdir(), 'kubelab-ingress-'));
const backends: Server[] = [];
let cluster: TestCluster;
let controller: ServiceProcess;
let httpPort: number;
/** A request for /x/held is answered when this is called. */
let hold: (answer: () => void) => void;
const held = new Promise<() => void>((resolve) => {
  hold = resolve;
});

function kubectl(input: string, ...args: string[]): string {
  return execFileSync('kubectl', [`--kubeconfig=${cluster.api.kubeconfigPath}`, ...args], {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** What is answered for a host and a path: the body, or the status if that is not 200. */
function get(host: string, path: string): Promise<string> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port: httpPort, path, headers: { host }, agent: false }, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => {
        body += chunk;
      });
      answer.on('end', () => resolve(answer.statusCode === 200 ? body : String(answer.statusCode)));
    });
    sent.on('error', (e) => resolve(e.message));
    sent.end();
  });
}

async function eventually(host: string, path: string, expected: string): Promise<void> {
  let got = '';
  const isThere = async () => {
    got = await get(host, path);
    return got === expected;
  };
  await waitFor(`${host}${path} to be answered by ${expected}`, isThere, { timeoutMs }).catch((error: unknown) => {
    throw new Error(`${host}${path}: ${got} instead of ${expected}`, { cause: error });
  });
}

async function backend(name: string): Promise<number> {
  const server = createServer((_q, s) => s.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  backends.push(server);
  return (server.address() as AddressInfo).port;
}

const ingresses = () => cluster.client.resource<V1Ingress>(gvr.ingresses).namespace('default');
const slices = () => cluster.client.resource<V1EndpointSlice>(gvr.endpointslices).namespace('default');

async function addService(name: string, port: number): Promise<void> {
  await cluster.create<V1Service>(
    gvr.services,
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ name: 'http', port: 80 }] } },
    'default',
  );
  await slices().create({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  });
}

/** An address for the backends, of the loopback device while this process runs: endpoints may not have 127.0.0.1. */
const address = `198.18.${process.pid % 250}.${(Math.floor(process.pid / 250) % 250) + 1}`;

before(async () => {
  execFileSync('ip', ['address', 'replace', `${address}/32`, 'dev', 'lo']);
  cluster = await TestCluster.start();
  const manifest = readFileSync(new URL('../../../deploy/addons/ingress.yaml', import.meta.url), 'utf8');
  const parts = manifest
    .split(/^---\n/m)
    .filter((part) => /^kind: (ClusterRole|ClusterRoleBinding|IngressClass)$/m.test(part));
  assert.equal(parts.length, 3);
  kubectl(parts.join('---\n'), 'apply', '-f', '-');
  httpPort = await freePort();
  controller = await cluster.runAs('system:serviceaccount:kube-system:ingress-nginx', 'ingress', [
    ...[`--http-port=${httpPort}`, `--https-port=${await freePort()}`, `--status-port=${await freePort()}`],
    ...[`--operational-address=127.0.0.1:${await freePort()}`, `--work-dir=${workDir}`, '--nginx-user='],
    ...['--publish-address=192.0.2.80', '--publish-address=2001:db8::80'],
  ]);
  for (const name of ['one', 'two']) {
    const server = createServer((q, s) => {
      if (q.url === '/x/held') hold(() => s.end(name));
      else s.end(name);
    });
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    backends.push(server);
    await addService(name, (server.address() as AddressInfo).port);
  }
});

after(async () => {
  if (process.exitCode) console.error(controller?.log);
  // Before the controller, which waits for requests under way.
  for (const s of backends) {
    s.close();
    s.closeAllConnections();
  }
  await controller?.end('SIGTERM');
  await cluster?.stop();
  execFileSync('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo']);
  rmSync(workDir, { recursive: true, force: true });
});

test('Ingresses of all versions, without a class where ours is the default; status says where they are', async () => {
  kubectl(
    `apiVersion: extensions/v1beta1
kind: Ingress
metadata: { name: oldest, namespace: default }
spec:
  rules:
    - host: oldest
      http: { paths: [{ path: /x, backend: { serviceName: one, servicePort: 80 } }] }
---
apiVersion: networking.k8s.io/v1beta1
kind: Ingress
metadata: { name: older, namespace: default }
spec:
  ingressClassName: nginx
  rules:
    - host: older
      http: { paths: [{ path: /x, pathType: Exact, backend: { serviceName: two, servicePort: http } }] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: other, namespace: default }
spec:
  ingressClassName: some-invalid-class-name
  rules:
    - host: other
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: one, port: { number: 80 } } } }] }
`,
    'create',
    '--validate=false',
    '-f',
    '-',
  );
  await eventually('oldest', '/x/y', 'one');
  await eventually('older', '/x', 'two');
  assert.equal(await get('older', '/x/y'), '404');
  assert.equal(await get('other', '/'), '404');
  for (const name of ['oldest', 'older']) {
    const status = await waitFor(
      `the status of ${name}`,
      async () => (await ingresses().get(name)).status?.loadBalancer?.ingress,
      { timeoutMs },
    );
    assert.deepEqual(status, [{ ip: '192.0.2.80' }, { ip: '2001:db8::80' }]);
  }
  assert.equal((await ingresses().get('other')).status?.loadBalancer?.ingress, undefined);
});

test('endpoints change without another configuration, rules with one', async () => {
  const generation = () => /# generation (\S+)/.exec(readFileSync(join(workDir, 'nginx.conf'), 'utf8'))?.[1];
  const before = generation();
  await slices().patch('one', { endpoints: [] }, { type: 'merge' });
  await eventually('oldest', '/x', '503');
  const endpoints = [{ addresses: [address], conditions: { ready: true } }];
  await slices().patch('one', { endpoints }, { type: 'merge' });
  await eventually('oldest', '/x', 'one');
  assert.equal(generation(), before);
  await ingresses().patch('other', { spec: { ingressClassName: 'nginx' } }, { type: 'merge' });
  await eventually('other', '/', 'one');
  assert.notEqual(generation(), before);
});

test('what can not be served is told as an event of the Ingress, and of the class', async () => {
  const spec = { defaultBackend: { service: { name: 'missing', port: { number: 80 } } } };
  await cluster.create<V1Ingress>(
    gvr.ingresses,
    { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'lost' }, spec },
    'default',
  );
  assert.equal(await cluster.eventOf('lost', 'Rejected'), 'Service missing does not exist');
  await eventually('unknown', '/', '503');
  const parameters = { apiGroup: 'k8s.example.com', kind: 'Parameters', name: 'x' };
  await cluster.create<V1IngressClass>(gvr.ingressclasses, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'with-parameters' },
    spec: { controller: 'kubelab.io/ingress-nginx', parameters },
  });
  assert.equal(await cluster.eventOf('with-parameters', 'Rejected'), 'parameters are not supported');
});

test('a certificate may be in a secret of any type: its hosts are sent to HTTPS', async () => {
  const [key, certificate] = [join(workDir, 'key.pem'), join(workDir, 'certificate.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const args = ['req', '-x509', ...kind, '-keyout', key, '-out', certificate, '-subj', '/CN=secure.example'];
  execFileSync('openssl', args, { stdio: 'ignore' });
  kubectl(
    '',
    'create',
    'secret',
    'generic',
    'opaque',
    `--from-file=tls.crt=${certificate}`,
    `--from-file=tls.key=${key}`,
  );
  const backend = { service: { name: 'one', port: { number: 80 } } };
  await cluster.create<V1Ingress>(
    gvr.ingresses,
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'secure' },
      spec: {
        tls: [{ hosts: ['secure.example'], secretName: 'opaque' }],
        rules: [{ host: 'secure.example', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
      },
    },
    'default',
  );
  await eventually('secure.example', '/', '308');
});

test('an ExternalName is resolved', async () => {
  const port = await backend('outside');
  await cluster.create<V1Service>(
    gvr.services,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'outside' },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    },
    'default',
  );
  const path = { path: '/', pathType: 'Prefix', backend: { service: { name: 'outside', port: { number: port } } } };
  await cluster.create<V1Ingress>(
    gvr.ingresses,
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'outside' },
      spec: { rules: [{ host: 'outside', http: { paths: [path] } }] },
    },
    'default',
  );
  await eventually('outside', '/', 'outside');
});

test('it ends at a signal, and nginx with it, when the requests under way have their answers', async () => {
  const pid = Number(readFileSync(join(workDir, 'nginx.pid'), 'utf8'));
  const under = get('oldest', '/x/held');
  const answer = await held;
  const ended = controller.end('SIGTERM');
  // Nobody listens any more, which is all that can be seen of it.
  const refused = async () => /ECONNREFUSED/.test(await get('oldest', '/x'));
  await waitFor('nginx to take no more connections', refused, { timeoutMs });
  assert.ok(controller.running);
  answer();
  assert.equal(await under, 'one');
  assert.equal(await ended, 0);
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});
