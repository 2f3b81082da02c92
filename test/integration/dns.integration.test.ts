import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { V1ConfigMap, V1EndpointSlice, V1Service } from '@kubelab/api';
import { gvr, waitFor } from '@kubelab/client';
import { freePort } from '@kubelab/component-base/testing';
import { TestCluster } from './lib/cluster.js';
import type { ServiceProcess } from './lib/process.js';

// The DNS server as a process, with the rights of its addon's manifest, against a real API server.

const account = 'system:serviceaccount:kube-system:kube-dns';
const timeoutMs = 120_000;
let cluster: TestCluster;
let dns: ServiceProcess;
let port: number;
let operational: string;
let upstream: Socket;

/** Starts it as on a machine with this resolv.conf. */
async function start(resolvConf: string, lameDuck: string): Promise<void> {
  const file = cluster.api.file('resolv.conf');
  writeFileSync(file, resolvConf);
  port = await freePort();
  operational = `127.0.0.1:${await freePort()}`;
  dns = await cluster.runAs(account, 'dns', [
    ...['--bind-address=0.0.0.0', `--port=${port}`, `--operational-address=${operational}`],
    ...[`--resolv-conf=${file}`, `--lame-duck=${lameDuck}`, '--upstream-timeout=20s'],
  ]);
}

async function ready(): Promise<void> {
  await waitFor('the DNS server to be ready', async () => (await statusOf('/readyz')) === 200, { timeoutMs });
}

async function statusOf(path: string): Promise<number> {
  return fetch(`http://${operational}${path}`).then(
    (r) => r.status,
    () => 0,
  );
}

function resolver(): Resolver {
  const r = new Resolver({ timeout: 30_000, tries: 2 });
  r.setServers([`127.0.0.1:${port}`]);
  return r;
}

/** Addresses of a name, or the error's code. */
async function lookup(name: string): Promise<string> {
  return resolver()
    .resolve4(name)
    .then(
      (ips) => ips.sort().join(),
      (e: NodeJS.ErrnoException) => e.code ?? '',
    );
}

async function eventually(name: string, expected: string): Promise<void> {
  await waitFor(`${name} to be ${expected}`, async () => (await lookup(name)) === expected, { timeoutMs });
}

before(async () => {
  // Answers any question for one address.
  upstream = createSocket('udp4');
  upstream.on('message', (m, peer) => {
    const answer = Buffer.concat([m, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 192, 0, 2, 1])]);
    answer.writeUInt16BE(0x8180, 2);
    answer.writeUInt16BE(1, 6);
    answer.fill(0, 8, 12);
    upstream.send(answer, peer.port, peer.address);
  });
  await new Promise<void>((resolve) => upstream.bind(0, '127.0.0.1', resolve));
  cluster = await TestCluster.start();
  const manifest = readFileSync(new URL('../../../deploy/addons/dns.yaml', import.meta.url), 'utf8');
  const roles = manifest.split(/^---\n/m).filter((part) => /^kind: (Cluster)?Role(Binding)?$/m.test(part));
  assert.equal(roles.length, 4);
  execFileSync('kubectl', [`--kubeconfig=${cluster.api.kubeconfigPath}`, 'apply', '-f', '-'], {
    input: roles.join('---\n'),
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const services = cluster.client.resource<V1Service>(gvr.services).namespace('default');
  const v1 = { apiVersion: 'v1', kind: 'Service' };
  await services.create({
    ...v1,
    metadata: { name: 'web' },
    spec: { clusterIP: '10.96.0.77', ports: [{ port: 80 }] },
  });
  await services.create({ ...v1, metadata: { name: 'db' }, spec: { clusterIP: 'None', ports: [{ port: 80 }] } });
});

after(async () => {
  if (process.exitCode) console.error(dns?.log);
  await cluster?.stop();
  upstream?.close();
});

test("a machine whose resolv.conf has but loopback: the cluster's names are answered", async () => {
  // It is looked at while it ends, on a machine that may be busy.
  await start('nameserver 127.0.0.1\n', '15s');
  // The port is not 53 here: loopback's own port 53 has nobody, and nothing is known but the cluster.
  await ready();
  assert.equal(await lookup('web.default.svc.cluster.local'), '10.96.0.77');
  assert.equal(await lookup('db.default.svc.cluster.local'), 'ENOTFOUND');
  assert.match(await lookup('www.example'), /ESERVFAIL|EREFUSED|ECONNREFUSED/);
});

test('endpoints come and go', async () => {
  const slices = cluster.client.resource<V1EndpointSlice>(gvr.endpointslices).namespace('default');
  const endpoint = (ip: string, hostname: string) => ({ addresses: [ip], hostname, conditions: { ready: true } });
  await slices.create({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'db-1', labels: { 'kubernetes.io/service-name': 'db' } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 80 }],
    endpoints: [endpoint('10.244.0.1', 'db-0'), endpoint('10.244.0.2', 'db-1')],
  });
  await eventually('db.default.svc.cluster.local', '10.244.0.1,10.244.0.2');
  assert.deepEqual(await resolver().reverse('10.244.0.2'), ['db-1.db.default.svc.cluster.local']);
  await slices.patch('db-1', { endpoints: [endpoint('10.244.0.2', 'db-1')] }, { type: 'merge' });
  await eventually('db.default.svc.cluster.local', '10.244.0.2');
  assert.equal(await lookup('db-0.db.default.svc.cluster.local'), 'ENOTFOUND');
});

test('a ConfigMap with other servers, stub domains and hosts holds as soon as it is there, and a wrong one does not', async () => {
  const maps = cluster.client.resource<V1ConfigMap>(gvr.configmaps).namespace('kube-system');
  const server = `127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const data = { stubDomains: `{"stub.example": ["${server}"]}`, hosts: '192.0.2.7 printer.lan' };
  await maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kube-dns' }, data });
  await eventually('printer.lan', '192.0.2.7');
  assert.equal(await lookup('a.stub.example'), '192.0.2.1');
  assert.notEqual(await lookup('b.example'), '192.0.2.1');
  await maps.patch('kube-dns', { data: { upstreamNameservers: `["${server}"]`, hosts: null } }, { type: 'merge' });
  await eventually('b.example', '192.0.2.1');
  assert.equal(await lookup('printer.lan'), '192.0.2.1');
  await maps.patch('kube-dns', { data: { upstreamNameservers: 'x' } }, { type: 'merge' });
  await waitFor('the complaint', () => dns.log.includes('upstreamNameservers is not JSON'), { timeoutMs });
  assert.equal(await lookup('c.example'), '192.0.2.1');
  const metrics = await (await fetch(`http://${operational}/metrics`)).text();
  assert.match(metrics, /^coredns_reload_failed_total 1$/m);
  assert.match(
    metrics,
    /^coredns_dns_responses_total\{server="dns:\/\/:\d+",zone="\.",view="",rcode="NOERROR"\} \d+$/m,
  );
  await maps.delete('kube-dns');
  await waitFor('the servers of before', async () => (await lookup('d.example')) !== '192.0.2.1', {
    timeoutMs,
  });
});

test('at a signal it is not ready at once, but answers until others have learned it', async () => {
  const ended = dns.end('SIGTERM');
  await waitFor('it not to be ready', async () => (await statusOf('/readyz')) === 500, { timeoutMs });
  assert.equal(await lookup('web.default.svc.cluster.local'), '10.96.0.77');
  assert.equal(await statusOf('/livez'), 200);
  assert.equal(await ended, 0);
});

test('an upstream server that is this very server: forwarding is off, the cluster is answered, it stays alive', async () => {
  await start('', '0s');
  await ready();
  const maps = cluster.client.resource<V1ConfigMap>(gvr.configmaps).namespace('kube-system');
  // By an address that does not look like its own.
  const self = Object.values((await import('node:os')).networkInterfaces())
    .flat()
    .find((i) => i?.family === 'IPv4' && !i.internal)?.address;
  if (self === undefined) {
    // A machine with loopback alone: there the server leaves itself out.
    await maps.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-dns' },
      data: { upstreamNameservers: `["127.0.0.1:${port}"]` },
    });
    await waitFor('it to see itself', () => dns.log.includes('this server itself'), { timeoutMs });
  } else {
    await maps.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-dns' },
      data: { upstreamNameservers: `["${self}:${port}"]` },
    });
    await waitFor('the loop to be found', () => dns.log.includes('forwarding to them is off'), { timeoutMs });
  }
  assert.match(await lookup('e.example'), /ESERVFAIL|EREFUSED|ECONNREFUSED/);
  assert.equal(await lookup('web.default.svc.cluster.local'), '10.96.0.77');
  assert.equal(await statusOf('/readyz'), 200);
  assert.equal(await statusOf('/livez'), 200);
});
