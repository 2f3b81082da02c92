import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { V1EndpointSlice, V1Node, V1Service } from '@kubelab/api';
import { createLogger } from '@kubelab/component-base';
import { IpCommand } from '../ip-command.js';
import { Announcer, removeAnnounced } from './announcer.js';

// Nodes n1, n2 and a client on one bridge. A refused connection shows that somebody answers for an address.
const id = `lb${process.pid}`;
const ns = (n: string) => `${id}${n}`;
const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const inNs = (n: string, ...cmd: string[]) => ip('netns', 'exec', ns(n), ...cmd);
const ips = { n1: '10.60.0.1', n2: '10.60.0.2' } as const;
const stop = new AbortController();
const announcers: Announcer[] = [];
const running: Promise<void>[] = [];

const node = (name: 'n1' | 'n2', ready = true): V1Node => ({
  metadata: { name },
  status: {
    addresses: [{ type: 'InternalIP', address: ips[name] }],
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
const holders = (vip: string) =>
  (['n1', 'n2'] as const).filter((n) => inNs(n, 'ip', '-4', '-o', 'addr').includes(` ${vip}/32 `));
const vips = Array.from({ length: 20 }, (_, i) => `10.60.0.${100 + i}`);

before(async () => {
  for (const n of ['sw', 'n1', 'n2', 'client']) ip('netns', 'add', ns(n));
  inNs('sw', 'ip', 'link', 'add', 'name', 'lan', 'type', 'bridge');
  inNs('sw', 'ip', 'link', 'set', 'lan', 'up');
  for (const [n, address] of [
    ['n1', ips.n1],
    ['n2', ips.n2],
    ['client', '10.60.0.9'],
  ] as const) {
    inNs('sw', 'ip', 'link', 'add', n, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns(n));
    inNs('sw', 'ip', 'link', 'set', n, 'master', 'lan', 'up');
    inNs(n, 'ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0');
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
  for (const n of ['n1', 'n2']) assert.doesNotMatch(inNs(n, 'ip', '-4', 'addr'), /klb/);
  for (const n of ['sw', 'n1', 'n2', 'client']) ip('netns', 'del', ns(n));
});

test('each address is held by one node, the load is spread, and the link knows', () => {
  const held = vips.map((v) => holders(v));
  assert.ok(
    held.every((h) => h.length === 1),
    JSON.stringify(held),
  );
  assert.equal(new Set(held.flat()).size, 2);
  for (const v of vips) assert.throws(() => inNs('client', 'bash', '-c', `exec 3<>/dev/tcp/${v}/80`), /refused/);
});

test('the addresses of a node that fails move, the client is told, the others stay', async () => {
  const before = vips.map((v) => holders(v)[0]);
  const moved = vips.find((v) => holders(v)[0] === 'n1') ?? '';
  const mac = (n: 'n1' | 'n2') => inNs(n, 'cat', '/sys/class/net/eth0/address').trim();
  assert.match(inNs('client', 'ip', 'neigh', 'show', moved), new RegExp(mac('n1')));
  await each((a) => a.setNode(node('n1', false)));
  assert.deepEqual(
    vips.map((v) => holders(v)),
    vips.map(() => ['n2']),
  );
  const deadline = Date.now() + 5000;
  while (!inNs('client', 'ip', 'neigh', 'show', moved).includes(mac('n2'))) {
    assert.ok(Date.now() < deadline, 'not told');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await each((a) => a.setNode(node('n1')));
  assert.deepEqual(
    vips.map((v) => holders(v)[0]),
    before,
  );
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
  assert.ok(vips.every((v) => holders(v).join() === 'n2'));
});

test('addresses of the nodes themselves and of other networks are left alone; a deleted Service is given up', async () => {
  await each((a) => a.setService(service([ips.n1, '198.51.100.1'])));
  for (const n of ['n1', 'n2']) assert.doesNotMatch(inNs(n, 'ip', '-4', 'addr'), /klb/);
  await each((a) => a.setService(service(vips)));
  await each((a) => a.setService(service(vips), true));
  assert.ok(vips.every((v) => holders(v).length === 0));
  await each((a) => a.setService(service(vips)));
  await removeAnnounced(new IpCommand(['ip', 'netns', 'exec', ns('n1')]));
  assert.doesNotMatch(inNs('n1', 'ip', '-4', 'addr'), /klb/);
});
