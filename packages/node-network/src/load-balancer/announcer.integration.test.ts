import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { V1EndpointSlice, V1Node, V1Service } from '@kubelab/api';
import { createLogger } from '@kubelab/component-base';
import { IpCommand } from '../ip-command.js';
import { Announcer } from './announcer.js';
import { removeAnnounced } from './link-addresses.js';

// Nodes n1, n2 and a client on one bridge. A refused connection shows that somebody answers for an address.
const id = `lb${process.pid}`;
const ns = (n: string) => `${id}${n}`;
const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const inNs = (n: string, ...cmd: string[]) => ip('netns', 'exec', ns(n), ...cmd);
const ips = { n1: '10.60.0.1', n2: '10.60.0.2' } as const;
const ips6 = { n1: 'fd00:60::1', n2: 'fd00:60::2' } as const;
const stop = new AbortController();
const announcers: Announcer[] = [];
const running: Promise<void>[] = [];

const node = (name: 'n1' | 'n2', ready = true): V1Node => ({
  metadata: { name },
  status: {
    addresses: [ips[name], ips6[name]].map((address) => ({ type: 'InternalIP', address })),
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }],
  },
});
const service = (vips: string[], policy = 'Cluster'): V1Service => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { type: 'LoadBalancer', externalTrafficPolicy: policy, ports: [{ port: 80 }] },
  status: { loadBalancer: { ingress: vips.map((v) => ({ ip: v })) } },
});
const each = async (f: (a: Announcer) => void) => {
  announcers.forEach(f);
  await Promise.all(announcers.map((a) => a.settled()));
};
const names = ['n1', 'n2'] as const;
/** Who holds each of these, looked up with one command a node: what is tested runs in this process too. */
function holdersOf(wanted: string[]): string[] {
  const held = names.map((n) => inNs(n, 'ip', '-o', 'addr'));
  const has = (text: string, vip: string) => text.includes(` ${vip}/${vip.includes(':') ? 128 : 32} `);
  return wanted.map((vip) => names.filter((_, i) => has(held[i] ?? '', vip)).join());
}
const vips = Array.from({ length: 20 }, (_, i) => (i < 10 ? `10.60.0.${100 + i}` : `fd00:60::${100 + i}`));
/** Somebody answers: the connection is refused and not unreachable. */
const answers = (vip: string) =>
  assert.throws(() => inNs('client', 'bash', '-c', `exec 3<>/dev/tcp/${vip}/80`), /refused/);
const mac = (n: 'n1' | 'n2') => inNs(n, 'cat', '/sys/class/net/eth0/address').trim();

async function eventually(what: string | (() => string), condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 180_000;
  while (!condition()) {
    if (Date.now() > deadline) assert.fail(typeof what === 'string' ? what : what());
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

before(async () => {
  for (const n of ['sw', 'n1', 'n2', 'client']) ip('netns', 'add', ns(n));
  inNs('sw', 'ip', 'link', 'add', 'name', 'lan', 'type', 'bridge');
  inNs('sw', 'ip', 'link', 'set', 'lan', 'up');
  for (const [n, address, address6] of [
    ['n1', ips.n1, ips6.n1],
    ['n2', ips.n2, ips6.n2],
    ['client', '10.60.0.9', 'fd00:60::9'],
  ] as const) {
    inNs('sw', 'ip', 'link', 'add', n, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns(n));
    inNs('sw', 'ip', 'link', 'set', n, 'master', 'lan', 'up');
    inNs(n, 'ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    inNs(n, 'ip', 'addr', 'add', `${address6}/64`, 'dev', 'eth0', 'nodad');
    inNs(n, 'ip', 'link', 'set', 'eth0', 'up');
  }
  for (const n of ['n1', 'n2'] as const) {
    const a = new Announcer({
      nodeName: n,
      nodeIp: ips[n],
      commandPrefix: ['ip', 'netns', 'exec', ns(n)],
      logger: createLogger({ component: 'test', format: 'text', verbosity: 0 }),
      signal: stop.signal,
    });
    announcers.push(a);
    running.push(a.run());
  }
  await each((a) => {
    a.setNode(node('n1'));
    a.setNode(node('n2'));
    a.setService(service(vips));
  });
});

after(async () => {
  stop.abort();
  await Promise.all(running);
  for (const n of ['sw', 'n1', 'n2', 'client']) ip('netns', 'del', ns(n));
});

test('each address is held by one node, the load is spread, and the link knows', () => {
  assert.deepEqual([...new Set(holdersOf(vips))].sort(), ['n1', 'n2']);
  for (const v of vips) answers(v);
});

test('the addresses of a node that fails move, the client is told, the others stay', async () => {
  const before = holdersOf(vips);
  const moved = vips[before.indexOf('n1')] ?? '';
  assert.match(inNs('client', 'ip', 'neigh', 'show', moved), new RegExp(mac('n1')));
  await each((a) => a.setNode(node('n1', false)));
  assert.ok(holdersOf(vips).every((h) => h === 'n2'));
  await eventually('not told', () => inNs('client', 'ip', 'neigh', 'show', moved).includes(mac('n2')));
  await each((a) => a.setNode(node('n1')));
  assert.deepEqual(holdersOf(vips), before);
});

test('an address goes away by itself when its agent is no more, unless no other node could have it', async () => {
  const lifetimes = () =>
    names.flatMap((n) => {
      const [link] = JSON.parse(inNs(n, 'ip', '-j', 'addr', 'show', 'dev', 'eth0'));
      const info = link.addr_info as { local: string; valid_life_time: number }[];
      return info.filter((a) => vips.includes(a.local)).map((a) => a.valid_life_time);
    });
  assert.equal(lifetimes().length, vips.length);
  assert.ok(lifetimes().every((t) => t <= 60));
  await each((a) => a.setNode(node('n1'), true));
  assert.ok(lifetimes().every((t) => t === 2 ** 32 - 1));
  await each((a) => a.setNode(node('n1')));
});

test('a node that falls silent on the link is stood in for before the API server knows, until it answers again', async () => {
  const before = holdersOf(vips);
  const [own, others] = names.map((n) => vips.filter((_, i) => before[i] === n)) as [string[], string[]];
  const areAt = (wanted: string[], at: string) => holdersOf(wanted).every((h) => h === at);
  // What the client knows, if anything: an entry that has failed meanwhile is asked for anew.
  const isNeighbour = (vip: string, n: 'n1' | 'n2') => inNs('client', 'ip', 'neigh', 'show', vip).includes(mac(n));
  // One that the client knows already, of each family.
  const known = [own[0] ?? '', own.at(-1) ?? ''];
  known.forEach(answers);
  inNs('sw', 'ip', 'link', 'set', 'n1', 'down');
  await eventually('not stood in for', () => holdersOf(own).every((h) => h.includes('n2')));
  const say = () => `not told: ${names.map((n) => `${n} is ${mac(n)}`)}\n${inNs('client', 'ip', 'neigh')}`;
  for (const v of known) await eventually(say, () => !isNeighbour(v, 'n1'));
  own.forEach(answers);
  inNs('sw', 'ip', 'link', 'set', 'n1', 'up');
  await eventually('not given back', () => {
    // n1, whose cable was out, takes none of n2's.
    assert.ok(areAt(others, 'n2'));
    return areAt(own, 'n1');
  });
  for (const v of known) await eventually(say, () => !isNeighbour(v, 'n2'));
  own.forEach(answers);
});

test('with traffic policy Local a node with an endpoint holds the address', async () => {
  const slice: V1EndpointSlice = {
    addressType: 'IPv4',
    metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    endpoints: [{ addresses: ['10.244.2.2'], nodeName: 'n2', conditions: { ready: true } }],
  };
  await each((a) => {
    a.setSlice(slice);
    a.setService(service(vips, 'Local'));
  });
  assert.ok(holdersOf(vips).every((h) => h === 'n2'));
});

test('addresses of the nodes themselves and of other networks are left alone; a deleted Service is given up', async () => {
  await each((a) => a.setService(service([ips.n1, '198.51.100.1'])));
  for (const n of ['n1', 'n2']) assert.doesNotMatch(inNs(n, 'ip', 'addr'), /klb|metric 171171/);
  await each((a) => a.setService(service(vips)));
  await each((a) => a.setService(service(vips), true));
  assert.ok(holdersOf(vips).every((h) => h === ''));
  await each((a) => a.setService(service(vips)));
  // One that runs would take them again.
  stop.abort();
  await Promise.all(running);
  await removeAnnounced(new IpCommand(['ip', 'netns', 'exec', ns('n1')]));
  assert.doesNotMatch(inNs('n1', 'ip', 'addr'), /klb|metric 171171/);
});
