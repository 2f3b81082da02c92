import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { createLogger, Registry } from '@kubelab/component-base';
import { type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED, type RecordType } from 'dns-packet';
import { DnsServer } from './dns-server.js';
import { Forwarder } from './forward/forwarder.js';
import { LoopGuard } from './forward/loop-guard.js';
import { DnsMetrics } from './metrics.js';
import { Resolver } from './resolver.js';
import { HostsTable } from './zone/hosts.js';
import { ClusterZone } from './zone/lookup.js';
import { ClusterState } from './zone/state.js';

// An upstream server on loopback: counts questions; big.example needs TCP, bad.example gets no answer.
let upstreamUdp: Socket;
let upstreamTcp: Server;
let asked: string[] = [];
let server: DnsServer;
let forwarder: Forwarder;
let loop: LoopGuard;
let isSynced = true;
const state = new ClusterState();

function upstreamAnswer(query: Buffer, isTcp: boolean): Buffer | undefined {
  const q = decode(query);
  const name = q.questions?.[0]?.name ?? '';
  asked.push(`${isTcp ? 'tcp' : 'udp'} ${name}`);
  if (name === 'bad.example') return undefined;
  const base: Packet = { type: 'response', id: q.id ?? 0, flags: RECURSION_DESIRED, questions: q.questions ?? [] };
  if (name === 'nx.example')
    return encode({
      ...base,
      flags: 3,
      authorities: [
        {
          type: 'SOA',
          name: 'example',
          ttl: 60,
          data: { mname: 'a', rname: 'b', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 5 },
        },
      ],
    });
  if (name === 'big.example') {
    if (!isTcp) return encode({ ...base, flags: 0x200 });
    return encode({
      ...base,
      answers: Array.from({ length: 100 }, (_, i) => ({ type: 'A' as const, name, ttl: 60, data: `10.0.0.${i}` })),
    });
  }
  return encode({ ...base, answers: [{ type: 'A', name, ttl: 60, data: '192.0.2.1' }] });
}

before(async () => {
  upstreamUdp = createSocket('udp4');
  upstreamUdp.on('message', (m, peer) => {
    const answer = upstreamAnswer(m, false);
    if (answer) upstreamUdp.send(answer, peer.port, peer.address);
  });
  await new Promise<void>((resolve) => upstreamUdp.bind(0, '127.0.0.1', resolve));
  const port = (upstreamUdp.address() as AddressInfo).port;
  upstreamTcp = createServer((socket) => {
    socket.on('data', (chunk: Buffer) => {
      const answer = upstreamAnswer(chunk.subarray(2), true) ?? Buffer.alloc(0);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
    });
  });
  await new Promise<void>((resolve) => upstreamTcp.listen(port, '127.0.0.1', resolve));

  state.setNamespace('default', true);
  state.setService({
    metadata: { name: 'web', namespace: 'default' },
    spec: { clusterIP: '10.96.0.7', ports: [{ port: 80 }] },
  });
  state.setService({
    metadata: { name: 'out', namespace: 'default' },
    spec: { type: 'ExternalName', externalName: 'www.example' },
  });
  state.setService({
    metadata: { name: 'in', namespace: 'default' },
    spec: { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' },
  });
  state.setService({
    metadata: { name: 'many', namespace: 'default' },
    spec: { clusterIP: 'None', ports: [{ port: 80 }] },
  });
  state.setSlice({
    addressType: 'IPv4',
    metadata: { name: 'many-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'many' } },
    endpoints: Array.from({ length: 200 }, (_, i) => ({ addresses: [`10.244.3.${i}`], conditions: { ready: true } })),
  });
  forwarder = new Forwarder({
    upstreams: ['127.0.0.1:1', `127.0.0.1:${port}`],
    stubDomains: { 'stub.test': [`127.0.0.1:${port}`] },
    timeoutMs: 300,
    cache: { maxEntries: 100, maxTtlSeconds: 30, maxNegativeTtlSeconds: 30 },
  });
  loop = new LoopGuard(() => undefined);
  const hosts = new HostsTable('192.0.2.50 printer.lan printer # comment\n', 30);
  const resolver = new Resolver({
    zone: new ClusterZone(state, { domain: 'cluster.local', ttl: 30 }),
    forwarder,
    loop,
    hosts: () => hosts,
    isSynced: () => isSynced,
  });
  server = await DnsServer.start({
    addresses: ['127.0.0.1'],
    port: 0,
    resolver,
    metrics: new DnsMetrics(new Registry()),
    logger: createLogger({ component: 'test', format: 'text', verbosity: 0 }),
  });
});

after(async () => {
  await server.close();
  forwarder.close();
  upstreamUdp.close();
  upstreamTcp.close();
});

function udp(query: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('message', (m) => {
      socket.close();
      resolve(m);
    });
    socket.send(query, server.port, '127.0.0.1');
  });
}

const question = (name: string, type: RecordType, edns?: number): Buffer =>
  encode({
    type: 'query',
    id: 4711,
    flags: RECURSION_DESIRED,
    questions: [{ type, name }],
    ...(edns
      ? {
          additionals: [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: edns,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ],
        }
      : {}),
  });
const ask = async (name: string, type: RecordType = 'A', edns?: number): Promise<DecodedPacket> =>
  decode(await udp(question(name, type, edns)));
const data = (p: DecodedPacket) => (p.answers ?? []).map((a) => ('data' in a ? a.data : ''));
const rcodeOf = (p: DecodedPacket) => (p.flags ?? 0) & 15;

test('a cluster name, spelt as the client spells it, with authority and the same id', async () => {
  const raw = await udp(question('Web.Default.svc.cluster.LOCAL', 'A'));
  const p = decode(raw);
  assert.equal(p.id, 4711);
  assert.equal(p.flag_aa, true);
  assert.equal(p.questions?.[0]?.name, 'Web.Default.svc.cluster.LOCAL');
  assert.equal(p.answers?.[0]?.name, 'Web.Default.svc.cluster.LOCAL');
  assert.deepEqual(data(p), ['10.96.0.7']);
});

test('negative answers carry the SOA', async () => {
  const nx = await ask('nope.default.svc.cluster.local');
  assert.equal(rcodeOf(nx), 3);
  assert.equal(nx.authorities?.[0]?.type, 'SOA');
  const nodata = await ask('web.default.svc.cluster.local', 'AAAA');
  assert.equal(rcodeOf(nodata), 0);
  assert.equal(nodata.authorities?.[0]?.type, 'SOA');
});

test('a datagram holds what fits and says that there is more; TCP has all; EDNS has more', async () => {
  const small = await udp(question('many.default.svc.cluster.local', 'A'));
  assert.ok(small.length <= 512);
  assert.equal(decode(small).flag_tc, true);
  assert.ok((decode(small).answers?.length ?? 0) > 15);
  const large = await udp(question('many.default.svc.cluster.local', 'A', 4096));
  assert.ok(large.length > 900 && large.length <= 1232);
  assert.equal(decode(large).additionals?.[0]?.type, 'OPT');
  const tcp = await new Promise<Buffer>((resolve) => {
    const socket = connect(server.port, '127.0.0.1');
    const q = question('many.default.svc.cluster.local', 'A');
    const chunks: Buffer[] = [];
    // Two queries in one stream, in pieces.
    const length = Buffer.from([0, q.length]);
    socket.write(Buffer.concat([length, q, length, q.subarray(0, 10)]));
    socket.write(q.subarray(10));
    socket.on('data', (c: Buffer) => {
      chunks.push(c);
      const all = Buffer.concat(chunks);
      if (all.length > 2 && all.length >= 2 * (all.readUInt16BE(0) + 2)) {
        socket.destroy();
        resolve(all);
      }
    });
  });
  assert.equal(decode(tcp.subarray(2, 2 + tcp.readUInt16BE(0))).answers?.length, 200);
});

test('aliases are followed, in the cluster and outside', async () => {
  assert.deepEqual(data(await ask('out.default.svc.cluster.local')), ['www.example', '192.0.2.1']);
  assert.deepEqual(data(await ask('in.default.svc.cluster.local')), ['web.default.svc.cluster.local', '10.96.0.7']);
  assert.deepEqual(data(await ask('out.default.svc.cluster.local', 'CNAME')), ['www.example']);
});

test('other names are asked upstream once, past a dead server, and kept', async () => {
  asked = [];
  assert.deepEqual(data(await ask('cached.example')), ['192.0.2.1']);
  assert.deepEqual(data(await ask('CACHED.example')), ['192.0.2.1']);
  const [a, b] = await Promise.all([ask('twice.example'), ask('twice.example')]);
  assert.deepEqual([data(a), data(b)], [['192.0.2.1'], ['192.0.2.1']]);
  assert.deepEqual(asked, ['udp cached.example', 'udp twice.example']);
  assert.equal(rcodeOf(await ask('nx.example')), 3);
  assert.equal(rcodeOf(await ask('nx.example')), 3);
  assert.equal(asked.filter((x) => x.endsWith('nx.example')).length, 1);
  assert.deepEqual(data(await ask('a.stub.test')), ['192.0.2.1']);
});

test('a truncated upstream answer is fetched over TCP', async () => {
  asked = [];
  assert.equal((await ask('big.example', 'A')).flag_tc, true);
  assert.deepEqual(asked, ['udp big.example', 'tcp big.example']);
});

test('no upstream answer: SERVFAIL', async () => assert.equal(rcodeOf(await ask('bad.example')), 2));

test('hosts file, both ways', async () => {
  assert.deepEqual(data(await ask('printer.lan')), ['192.0.2.50']);
  assert.deepEqual(data(await ask('50.2.0.192.in-addr.arpa', 'PTR')), ['printer.lan']);
  assert.equal((await ask('printer', 'AAAA')).answers?.length, 0);
});

test('malformed and unsupported queries get their error', async () => {
  const notify = question('web.default.svc.cluster.local', 'A');
  notify.writeUInt16BE(4 << 11, 2);
  assert.equal(rcodeOf(decode(await udp(notify))), 4);
  const two = question('web.default.svc.cluster.local', 'A');
  two.writeUInt16BE(2, 4);
  assert.equal((await udp(two)).readUInt16BE(2) & 15, 1);
  const version = question('web.default.svc.cluster.local', 'A', 1232);
  version.writeUInt8(1, version.length - 5);
  const bad = decode(await udp(version));
  const opt = bad.additionals?.[0];
  assert.ok(opt?.type === 'OPT' && opt.extendedRcode === 1);
});

test('before the cluster is known its names fail, they are not denied', async () => {
  isSynced = false;
  assert.equal(rcodeOf(await ask('web.default.svc.cluster.local')), 2);
  isSynced = true;
});

test('a loop through an upstream server is found', async () => {
  const self = new Forwarder({
    upstreams: [`127.0.0.1:${server.port}`],
    stubDomains: {},
    timeoutMs: 300,
    cache: { maxEntries: 1, maxTtlSeconds: 1, maxNegativeTtlSeconds: 1 },
  });
  await loop.probe(self.serversFor(''), 300);
  self.close();
  assert.equal(loop.isLooping, true);
  assert.equal(rcodeOf(await ask('looping.example')), 2);
});
