import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { createLogger, Registry } from '@kubelab/component-base';
import { type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED, type RecordType } from 'dns-packet';
import { DnsServer } from './dns-server.js';
import { Forwarding } from './forward/forwarding.js';
import { DnsMetrics } from './metrics.js';
import { Resolver } from './resolver.js';
import { ClusterZone } from './zone/lookup.js';
import { ClusterState } from './zone/state.js';

// An upstream server on loopback: counts questions; big.example needs TCP, bad.example gets no answer.
let upstreamUdp: Socket;
let upstreamTcp: Server;
let asked: string[] = [];
let server: DnsServer;
let forwarding: Forwarding;
const logger = createLogger({ component: 'test', format: 'text', verbosity: 0 });
const settings = { upstreams: [] as string[], stubDomains: {}, hosts: '192.0.2.50 printer.lan printer # comment\n' };
const options = { timeoutMs: 5000, cache: { maxEntries: 100, maxTtlSeconds: 30, maxNegativeTtlSeconds: 30 } };
let isSynced = true;
const state = new ClusterState();

function upstreamAnswer(query: Buffer, isTcp: boolean): Buffer | undefined {
  const q = decode(query);
  const name = q.questions?.[0]?.name ?? '';
  asked.push(`${isTcp ? 'tcp' : 'udp'} ${name}`);
  if (name === 'bad.example') return undefined;
  const base: Packet = { type: 'response', id: q.id ?? 0, flags: RECURSION_DESIRED, questions: q.questions ?? [] };
  if (name.endsWith('nx.example'))
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
  for (const [name, externalName] of [
    ['round', 'about.default.svc.cluster.local'],
    ['about', 'round.default.svc.cluster.local'],
    ['nowhere', 'missing.default.svc.cluster.local'],
    ['denied', 'a.nx.example'],
    ['silent', 'bad.example'],
  ]) {
    state.setService({
      metadata: { name: name ?? '', namespace: 'default' },
      spec: { type: 'ExternalName', externalName: externalName ?? '' },
    });
  }
  state.setService({
    metadata: { name: 'many', namespace: 'default' },
    spec: { clusterIP: 'None', ports: [{ port: 80 }] },
  });
  state.setSlice({
    addressType: 'IPv4',
    metadata: { name: 'many-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'many' } },
    endpoints: Array.from({ length: 200 }, (_, i) => ({ addresses: [`10.244.3.${i}`], conditions: { ready: true } })),
  });
  const upstreams = ['127.0.0.1:1', `127.0.0.1:${port}`];
  forwarding = new Forwarding(
    { ...settings, upstreams, stubDomains: { 'stub.test': [`127.0.0.1:${port}`] } },
    options,
    30,
  );
  const resolver = new Resolver({
    zone: new ClusterZone(state, { domain: 'cluster.local', ttl: 30 }),
    forwarding: () => forwarding,
    isSynced: () => isSynced,
  });
  const metrics = new DnsMetrics(new Registry(), 53, () => 0);
  server = await DnsServer.start({ addresses: ['127.0.0.1'], port: 0, resolver, metrics, logger });
});

after(async () => {
  await server.close();
  await forwarding.close();
  upstreamUdp.close();
  upstreamTcp.close();
});

/** With an upstream server that is given up soon: for those who test that. */
async function impatient(f: () => Promise<void>): Promise<void> {
  const patient = forwarding;
  forwarding = new Forwarding(patient.settings, { ...options, timeoutMs: 200 }, 30);
  await f();
  await forwarding.close();
  forwarding = patient;
}

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

test('aliases that lead nowhere: round, to a missing name, to a denial, to a server that is silent', async () => {
  const of = async (name: string) => {
    const p = await ask(`${name}.default.svc.cluster.local`);
    return [rcodeOf(p), data(p), p.authorities?.map((x) => x.type)];
  };
  assert.deepEqual(await of('round'), [0, [], ['SOA']]);
  assert.deepEqual(await of('nowhere'), [3, ['missing.default.svc.cluster.local'], ['SOA']]);
  assert.deepEqual(await of('denied'), [3, ['a.nx.example'], ['SOA']]);
  await impatient(async () => assert.deepEqual(await of('silent'), [2, ['bad.example'], []]));
});

test('records of one name come in different orders', async () => {
  const firsts = new Set<unknown>();
  for (let i = 0; i < 200 && firsts.size < 2; i++) firsts.add(data(await ask('many.default.svc.cluster.local'))[0]);
  assert.equal(firsts.size, 2);
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

test('no upstream answer: SERVFAIL', () => impatient(async () => assert.equal(rcodeOf(await ask('bad.example')), 2)));

test('hosts file, both ways', async () => {
  assert.deepEqual(data(await ask('printer.lan')), ['192.0.2.50']);
  assert.deepEqual(data(await ask('50.2.0.192.in-addr.arpa', 'PTR')), ['printer.lan']);
  assert.equal((await ask('printer', 'AAAA')).answers?.length, 0);
});

test('malformed and unsupported queries get their error, with EDNS if they had it', async () => {
  const name = 'web.default.svc.cluster.local';
  const code = async (type: RecordType, change: (m: Buffer) => Buffer | undefined, edns?: number) => {
    const q = question(name, type, edns);
    const p = await udp(change(q) ?? q);
    const opt = p.readUInt16BE(10) === 1 ? p.readUInt8(p.length - 6) : undefined;
    return [p.readUInt16BE(2) & 15, opt];
  };
  const same = () => undefined;
  assert.deepEqual(await code('A', (m) => void m.writeUInt16BE(4 << 11, 2)), [4, undefined], 'opcode NOTIFY');
  assert.deepEqual(await code('A', (m) => void m.writeUInt16BE(2, 4)), [1, undefined], 'two questions');
  assert.deepEqual(await code('A', (m) => void m.writeUInt16BE(0, 4)), [1, undefined], 'no question');
  assert.deepEqual(await code('A', (m) => m.subarray(0, m.length - 3)), [1, undefined], 'cut off');
  assert.deepEqual(await code('A', (m) => void m.writeUInt8(200, 12)), [1, undefined], 'a label that is none');
  assert.deepEqual(await code('A', (m) => void m.writeUInt16BE(3, m.length - 2)), [5, undefined], 'class CH');
  assert.deepEqual(await code('AXFR', same), [5, undefined]);
  assert.deepEqual(await code('AXFR', same, 1232), [5, 0]);
  assert.deepEqual(await code('A', (m) => void m.writeUInt8(1, m.length - 5), 1232), [0, 1], 'BADVERS');
  const twoOpts = (m: Buffer) => {
    m.writeUInt16BE(2, 10);
    return Buffer.concat([m, m.subarray(m.length - 11)]);
  };
  assert.deepEqual(await code('A', twoOpts, 1232), [1, undefined], 'two OPT records');
});

test('RD and CD are repeated, a name of any bytes is answered', async () => {
  const q = question('web.default.svc.cluster.local', 'A');
  q.writeUInt16BE(0x0010, 2);
  assert.equal((await udp(q)).readUInt16BE(2), 0x8490);
  const odd = question('xyz.default.svc.cluster.local', 'A', 1232);
  odd.write('\xc3\xff.', 13, 'latin1');
  const answer = await udp(odd);
  assert.equal(answer.readUInt16BE(2) & 15, 3);
  assert.equal(answer.toString('latin1', 12, 17), '\x03\xc3\xff.\x07');
  assert.equal(decode(answer).authorities?.[0]?.type, 'SOA');
});

test('TCP: many queries at once, and a client that ends its side before the answers', async () => {
  const names = Array.from({ length: 300 }, (_, i) =>
    i % 3 === 0 ? `n${i}.example` : 'web.default.svc.cluster.local',
  );
  const answers = await new Promise<Buffer>((resolve, reject) => {
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    const chunks: Buffer[] = [];
    socket.on('data', (c: Buffer) => chunks.push(c));
    socket.on('error', reject);
    socket.on('end', () => resolve(Buffer.concat(chunks)));
    socket.end(
      Buffer.concat(
        names.flatMap((name) => {
          const q = question(name, 'A');
          return [Buffer.from([0, q.length]), q];
        }),
      ),
    );
  });
  let count = 0;
  for (let at = 0; at < answers.length; at += 2 + answers.readUInt16BE(at)) {
    assert.equal(decode(answers.subarray(at + 2, at + 2 + answers.readUInt16BE(at))).answers?.length, 1);
    count++;
  }
  assert.equal(count, names.length);
});

test('before the cluster is known its names fail, they are not denied', async () => {
  isSynced = false;
  assert.equal(rcodeOf(await ask('web.default.svc.cluster.local')), 2);
  isSynced = true;
});

test('a loop through an upstream server turns off forwarding to it, nothing else', async () => {
  const before = forwarding;
  const self = [`127.0.0.1:${server.port}`];
  forwarding = new Forwarding({ ...settings, upstreams: self, stubDomains: before.settings.stubDomains }, options, 30);
  assert.deepEqual(await forwarding.forwarder.findLoops(), ['.']);
  assert.equal(rcodeOf(await ask('looping.example')), 2);
  assert.deepEqual(data(await ask('web.default.svc.cluster.local')), ['10.96.0.7']);
  assert.deepEqual(data(await ask('b.stub.test')), ['192.0.2.1']);
  await forwarding.close();
  forwarding = before;
  assert.deepEqual(await forwarding.forwarder.findLoops(), []);
});
