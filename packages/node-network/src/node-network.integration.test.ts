import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createLogger } from '@kubelab/component-base';
import { routeProtocol } from './ip-command.js';
import { cleanupNodeNetwork, NodeNetwork, vxlanDeviceName } from './node-network.js';
import type { Peer } from './options.js';

// Nodes a and b share a link (10.50.1.0/24), c is behind a router (10.50.2.0/24), as is the outside (203.0.113.9):
//   a 10.50.1.1, b 10.50.1.2 -- bridge in router 10.50.1.254 -- router 10.50.2.254 -- c 10.50.2.1
// Everything in IPv4 and IPv6. Node b has another interface beside, of another network.
const id = `nn${process.pid}`;
const ns = (n: string) => `${id}${n}`;
const nodes = { a: '10.50.1.1', b: '10.50.1.2', c: '10.50.2.1' } as const;
type NodeName = keyof typeof nodes;
const pods: Record<NodeName, string> = { a: '10.244.1.5', b: '10.244.2.5', c: '10.244.3.5' };
const cidr = (n: NodeName) => pods[n].replace(/\.5$/, '.0/24');
const nodes6 = { a: 'fd00:50:1::1', b: 'fd00:50:1::2', c: 'fd00:50:2::1' } as const;
const pods6 = { a: 'fd00:244:1::5', b: 'fd00:244:2::5', c: 'fd00:244:3::5' } as const;
const cidr6 = (n: NodeName) => pods6[n].replace(/5$/, '/64');
const logger = createLogger({ component: 'test', format: 'text', verbosity: 0 });
const networks = new Map<NodeName, NodeNetwork>();
/** What ends each agent, or the one that took its place. */
const agents = new Map<NodeName, () => Promise<void>>();
const servers: ChildProcess[] = [];
let dir: string;

const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const inNs = (n: string, ...cmd: string[]) => ip('netns', 'exec', ns(n), ...cmd);
const peer = (n: NodeName): Peer => ({ name: n, ips: [nodes[n], nodes6[n]], podCidrs: [cidr(n), cidr6(n)] });

/** A pod as the bridge plugin makes it. */
function addPod(n: NodeName): void {
  inNs(n, 'ip', 'link', 'add', 'cni0', 'type', 'bridge');
  inNs(n, 'ip', 'addr', 'add', `${pods[n].replace(/\.5$/, '.1')}/24`, 'dev', 'cni0');
  inNs(n, 'ip', 'addr', 'add', `${pods6[n].replace(/5$/, '1')}/64`, 'dev', 'cni0', 'nodad');
  inNs(n, 'ip', 'link', 'set', 'cni0', 'up');
  ip('netns', 'add', ns(`p${n}`));
  inNs(n, 'ip', 'link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns(`p${n}`));
  inNs(n, 'ip', 'link', 'set', 'veth0', 'master', 'cni0', 'up');
  inNs(`p${n}`, 'ip', 'addr', 'add', `${pods[n]}/24`, 'dev', 'eth0');
  inNs(`p${n}`, 'ip', 'addr', 'add', `${pods6[n]}/64`, 'dev', 'eth0', 'nodad');
  inNs(`p${n}`, 'ip', 'link', 'set', 'eth0', 'up');
  inNs(`p${n}`, 'ip', 'route', 'add', 'default', 'via', pods[n].replace(/\.5$/, '.1'));
  inNs(`p${n}`, 'ip', 'route', 'add', 'default', 'via', pods6[n].replace(/5$/, '1'));
}

function serve(n: string): Promise<void> {
  const source = `require('http').createServer((q, s) => { s.setHeader('connection', 'close'); s.end(q.url.length > 1 ? 'x'.repeat(20000) : q.socket.remoteAddress.replace('::ffff:', '')); }).listen(8080, '::', () => console.log('up'))`;
  const child = spawn('ip', ['netns', 'exec', ns(n), process.execPath, '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.push(child);
  return new Promise((resolve) => child.stdout?.once('data', () => resolve()));
}

/** The source address that the server saw. */
const get = (from: string, to: string, path = '') =>
  inNs(from, 'curl', '-gs', '-m', '120', `http://${to.includes(':') ? `[${to}]` : to}:8080/${path}`);

/** Starts the agent of a node, in place of the one that ran there. */
async function startNetwork(n: NodeName, nodeIp: string): Promise<NodeNetwork> {
  await agents.get(n)?.();
  const stop = new AbortController();
  const clusterCidrs = ['10.244.0.0/16', 'fd00:244::/32'];
  const commandPrefix = ['ip', 'netns', 'exec', ns(n)];
  const options = { nodeName: n, nodeIp, cniConfDir: join(dir, n), clusterCidrs, commandPrefix, logger };
  const network = await NodeNetwork.create(options, stop.signal);
  const run = network.run();
  agents.set(n, async () => {
    stop.abort();
    await run;
  });
  networks.set(n, network);
  return network;
}

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'node-network-'));
  for (const n of ['r', 'a', 'b', 'c', 'out']) {
    ip('netns', 'add', ns(n));
    inNs(n, 'ip', 'link', 'set', 'lo', 'up');
  }
  inNs('r', 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  inNs('r', 'ip', 'link', 'add', 'lan', 'type', 'bridge');
  inNs('r', 'ip', 'addr', 'add', '10.50.1.254/24', 'dev', 'lan');
  inNs('r', 'ip', 'addr', 'add', 'fd00:50:1::254/64', 'dev', 'lan', 'nodad');
  // As a machine with a network for its administration: the first interface, and not the node's address.
  inNs('r', 'ip', 'link', 'add', 'mgmt', 'type', 'veth', 'peer', 'name', 'mgmt0', 'netns', ns('b'));
  inNs('r', 'ip', 'link', 'set', 'mgmt', 'up');
  inNs('b', 'ip', 'addr', 'add', '172.30.0.2/24', 'dev', 'mgmt0');
  inNs('b', 'ip', 'link', 'set', 'mgmt0', 'mtu', '1400', 'up');
  inNs('r', 'ip', 'link', 'set', 'lan', 'up');
  const hosts = {
    a: { addresses: ['10.50.1.1/24', 'fd00:50:1::1/64'], gateways: ['10.50.1.254', 'fd00:50:1::254'] },
    b: { addresses: ['10.50.1.2/24', 'fd00:50:1::2/64'], gateways: ['10.50.1.254', 'fd00:50:1::254'] },
    c: { addresses: ['10.50.2.1/24', 'fd00:50:2::1/64'], gateways: ['10.50.2.254', 'fd00:50:2::254'] },
    out: { addresses: ['203.0.113.9/24', '2001:db8::9/64'], gateways: [] },
  };
  const noDad = (address: string) => (address.includes(':') ? ['nodad'] : []);
  for (const [n, { addresses, gateways }] of Object.entries(hosts)) {
    inNs('r', 'ip', 'link', 'add', `to${n}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns(n));
    inNs('r', 'ip', 'link', 'set', `to${n}`, 'up');
    if (n === 'a' || n === 'b') inNs('r', 'ip', 'link', 'set', `to${n}`, 'master', 'lan');
    for (const address of addresses) inNs(n, 'ip', 'addr', 'add', address, 'dev', 'eth0', ...noDad(address));
    inNs(n, 'ip', 'link', 'set', 'eth0', 'up');
    for (const gateway of gateways) inNs(n, 'ip', 'route', 'add', 'default', 'via', gateway);
  }
  for (const [device, ...addresses] of [
    ['toc', '10.50.2.254/24', 'fd00:50:2::254/64'],
    ['toout', '203.0.113.1/24', '2001:db8::1/64'],
  ] as const) {
    for (const address of addresses) inNs('r', 'ip', 'addr', 'add', address, 'dev', device, ...noDad(address));
  }
  // The outside knows the nodes' networks but no pods.
  inNs('out', 'ip', 'route', 'add', '10.50.0.0/16', 'via', '203.0.113.1');
  inNs('out', 'ip', 'route', 'add', 'fd00:50::/32', 'via', '2001:db8::1');
  for (const n of ['a', 'b', 'c'] as const) {
    // As Docker leaves it.
    for (const tool of ['iptables', 'ip6tables']) inNs(n, tool, '-P', 'FORWARD', 'DROP');
    await startNetwork(n, nodes[n]);
    addPod(n);
  }
  await Promise.all(['pa', 'pb', 'pc', 'out', 'c'].map(serve));
});

after(async () => {
  await Promise.all([...agents.values()].map((end) => end()));
  for (const s of servers) s.kill('SIGKILL');
  for (const n of ['a', 'b', 'c', 'pa', 'pb', 'pc', 'out', 'r']) ip('netns', 'del', ns(n));
  await rm(dir, { recursive: true });
});

const settleAll = () => Promise.all([...networks.values()].map((n) => n.settled()));

test('without a pod CIDR nothing is configured', async () => {
  for (const network of networks.values()) network.setPeer({ name: 'a', ips: ['10.50.1.1'], podCidrs: [] });
  await settleAll();
  await assert.rejects(readdir(join(dir, 'a')), /ENOENT/);
});

test('pods reach those of all nodes unmasked: by route on the same link, by VXLAN behind a router', async () => {
  for (const network of networks.values()) for (const n of ['a', 'b', 'c'] as const) network.setPeer(peer(n));
  await settleAll();
  for (const from of ['a', 'b', 'c'] as const) {
    for (const to of ['a', 'b', 'c'] as const) {
      if (from === to) continue;
      assert.equal(get(`p${from}`, pods[to]), pods[from], `${from} to ${to}`);
      assert.equal(get(`p${from}`, pods6[to]), pods6[from], `${from} to ${to}`);
    }
  }
  const routes = inNs('a', 'ip', 'route', 'show', 'proto', String(routeProtocol));
  assert.match(routes, /^10\.244\.2\.0\/24 via 10\.50\.1\.2 dev eth0/m);
  assert.match(routes, new RegExp(`^10\\.244\\.3\\.0/24 via 10\\.244\\.3\\.0 dev ${vxlanDeviceName} onlink`, 'm'));
  const routes6 = inNs('a', 'ip', '-6', 'route', 'show', 'proto', String(routeProtocol));
  assert.match(routes6, /^fd00:244:2::\/64 via fd00:50:1::2 dev eth0/m);
  assert.match(routes6, new RegExp(`^fd00:244:3::/64 via fd00:244:3:: dev ${vxlanDeviceName}`, 'm'));
});

test('packets larger than the tunnel takes arrive', () => {
  assert.equal(get('pa', pods.c, 'big').length, 20000);
  assert.equal(get('pa', pods6.c, 'big').length, 20000);
});

test('the node itself reaches remote pods', () => {
  assert.equal(get('a', pods.b), nodes.a);
  assert.equal(get('a', pods.c), '10.244.1.0');
  assert.equal(get('a', pods6.b), nodes6.a);
  assert.equal(get('a', pods6.c), 'fd00:244:1::');
});

test('pods reach the outside as their node', () => {
  assert.equal(get('pa', '203.0.113.9'), nodes.a);
  assert.equal(get('pa', nodes.c), nodes.a);
  assert.equal(get('pa', '2001:db8::9'), nodes6.a);
  assert.equal(get('pb', '203.0.113.9'), nodes.b);
});

test('the CNI configuration is complete', async () => {
  assert.deepEqual(await readdir(join(dir, 'a')), ['10-kubelab.conflist']);
  const config = JSON.parse(await readFile(join(dir, 'a', '10-kubelab.conflist'), 'utf8'));
  assert.deepEqual(
    config.plugins.map((p: { type: string }) => p.type),
    ['bridge', 'portmap', 'bandwidth'],
  );
  assert.equal(config.plugins[0].mtu, 1450);
  assert.deepEqual(config.plugins[0].ipam.ranges, [[{ subnet: '10.244.1.0/24' }], [{ subnet: 'fd00:244:1::/64' }]]);
});

test('a node that goes loses its route and entries; what others removed comes back', async () => {
  const network = networks.get('a') as NodeNetwork;
  inNs('a', 'ip', 'route', 'del', '10.244.2.0/24');
  network.removePeer('c');
  await network.settled();
  const routes = inNs('a', 'ip', 'route', 'show', 'proto', String(routeProtocol));
  assert.match(routes, /10\.244\.2\.0\/24/);
  assert.doesNotMatch(routes, /10\.244\.3\.0/);
  assert.throws(() => inNs('a', 'ip', 'link', 'show', vxlanDeviceName));
  network.setPeer(peer('c'));
  await network.settled();
  assert.equal(get('pa', pods.c), pods.a);
});

test('bridged packets pass the rules, forwarding is on', () => {
  const settings = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding', 'net.bridge.bridge-nf-call-iptables'];
  settings.push('net.bridge.bridge-nf-call-ip6tables');
  assert.deepEqual(
    inNs('a', 'sysctl', '-n', ...settings)
      .trim()
      .split('\n'),
    ['1', '1', '1', '1'],
  );
});

test('a node whose address changes is reached at the new one', async () => {
  const moved = { ...peer('c'), ips: ['10.50.2.7', nodes6.c] };
  inNs('c', 'ip', 'addr', 'del', '10.50.2.1/24', 'dev', 'eth0');
  inNs('c', 'ip', 'addr', 'add', '10.50.2.7/24', 'dev', 'eth0');
  inNs('c', 'ip', 'route', 'replace', 'default', 'via', '10.50.2.254');
  // The agent there starts again with its new address, as it must.
  const again = await startNetwork('c', '10.50.2.7');
  const others = [networks.get('a'), networks.get('b')] as NodeNetwork[];
  for (const network of [...others, again]) for (const p of [peer('a'), peer('b'), moved]) network.setPeer(p);
  await Promise.all([...others, again].map((n) => n.settled()));
  for (const from of ['a', 'b'] as const) {
    assert.equal(get(`p${from}`, pods.c), pods[from]);
    assert.equal(get('pc', pods[from]), pods.c);
    assert.equal(get('pc', pods6[from]), pods6.c);
  }
  assert.doesNotMatch(inNs('a', 'bridge', 'fdb', 'show', 'dev', vxlanDeviceName), /10\.50\.2\.1\b/);
});

test('a restart changes nothing', async () => {
  const state = () =>
    ['iptables-save', 'ip route', 'bridge fdb', 'ip neigh show nud permanent'].map((c) =>
      inNs('a', ...c.split(' '))
        .replace(/^#.*$/gm, '')
        .replace(/\[\d+:\d+\]/g, ''),
    );
  const before = state();
  const again = await startNetwork('a', nodes.a);
  for (const p of [peer('a'), peer('b'), { ...peer('c'), ips: ['10.50.2.7', nodes6.c] }]) again.setPeer(p);
  await again.settled();
  assert.deepEqual(state(), before);
});

test('a node that has another pod CIDR gives up the addresses of the old one', async () => {
  const shown = (device: string) => inNs('c', 'ip', '-br', 'addr', 'show', device);
  assert.match(shown('cni0'), /10\.244\.3\.1\/24 .*fd00:244:3::1\/64/);
  inNs('c', 'ip', 'addr', 'add', '172.31.0.1/24', 'dev', 'cni0');
  const network = networks.get('c') as NodeNetwork;
  network.setPeer({ name: 'c', ips: ['10.50.2.7', nodes6.c], podCidrs: ['10.244.9.0/24', 'fd00:244:9::/64'] });
  await network.settled();
  assert.doesNotMatch(shown('cni0'), /244/);
  assert.match(shown('cni0'), /172\.31\.0\.1/, "another's address");
  assert.match(shown(vxlanDeviceName), /10\.244\.9\.0\/32/);
  assert.doesNotMatch(shown(vxlanDeviceName), /244[.:]3/);
});

test('cleanup leaves nothing of ours', async () => {
  await agents.get('b')?.();
  await cleanupNodeNetwork({ cniConfDir: join(dir, 'b'), commandPrefix: ['ip', 'netns', 'exec', ns('b')] });
  assert.equal(inNs('b', 'ip', 'route', 'show', 'proto', String(routeProtocol)), '');
  assert.doesNotMatch(inNs('b', 'iptables-save'), /KUBE/);
  assert.doesNotMatch(inNs('b', 'ip', '-br', 'link'), /cni0|vxlan/);
  assert.deepEqual(await readdir(join(dir, 'b')), []);
});
