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
const id = `nn${process.pid}`;
const ns = (n: string) => `${id}${n}`;
const nodes = { a: '10.50.1.1', b: '10.50.1.2', c: '10.50.2.1' } as const;
type NodeName = keyof typeof nodes;
const pods: Record<NodeName, string> = { a: '10.244.1.5', b: '10.244.2.5', c: '10.244.3.5' };
const cidr = (n: NodeName) => pods[n].replace(/\.5$/, '.0/24');
const logger = createLogger({ component: 'test', format: 'text', verbosity: 0 });
const stop = new AbortController();
const networks = new Map<NodeName, NodeNetwork>();
const running: Promise<void>[] = [];
const servers: ChildProcess[] = [];
let dir: string;

const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const inNs = (n: string, ...cmd: string[]) => ip('netns', 'exec', ns(n), ...cmd);
const peer = (n: NodeName): Peer => ({ name: n, ips: [nodes[n]], podCidrs: [cidr(n)] });

/** A pod as the bridge plugin makes it. */
function addPod(n: NodeName): void {
  inNs(n, 'ip', 'link', 'add', 'cni0', 'type', 'bridge');
  inNs(n, 'ip', 'addr', 'add', `${pods[n].replace(/\.5$/, '.1')}/24`, 'dev', 'cni0');
  inNs(n, 'ip', 'link', 'set', 'cni0', 'up');
  ip('netns', 'add', ns(`p${n}`));
  inNs(n, 'ip', 'link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns(`p${n}`));
  inNs(n, 'ip', 'link', 'set', 'veth0', 'master', 'cni0', 'up');
  inNs(`p${n}`, 'ip', 'addr', 'add', `${pods[n]}/24`, 'dev', 'eth0');
  inNs(`p${n}`, 'ip', 'link', 'set', 'eth0', 'up');
  inNs(`p${n}`, 'ip', 'route', 'add', 'default', 'via', pods[n].replace(/\.5$/, '.1'));
}

function serve(n: string): Promise<void> {
  const source = `require('http').createServer((q, s) => { s.setHeader('connection', 'close'); s.end(q.url.length > 1 ? 'x'.repeat(20000) : q.socket.remoteAddress); }).listen(8080, '0.0.0.0', () => console.log('up'))`;
  const child = spawn('ip', ['netns', 'exec', ns(n), process.execPath, '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.push(child);
  return new Promise((resolve) => child.stdout?.once('data', () => resolve()));
}

/** The source address that the server saw. */
const get = (from: string, to: string, path = '') => inNs(from, 'curl', '-s', '-m', '3', `http://${to}:8080/${path}`);

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'node-network-'));
  for (const n of ['r', 'a', 'b', 'c', 'out']) {
    ip('netns', 'add', ns(n));
    inNs(n, 'ip', 'link', 'set', 'lo', 'up');
  }
  inNs('r', 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  inNs('r', 'ip', 'link', 'add', 'lan', 'type', 'bridge');
  inNs('r', 'ip', 'addr', 'add', '10.50.1.254/24', 'dev', 'lan');
  inNs('r', 'ip', 'link', 'set', 'lan', 'up');
  for (const [n, address, gateway] of [
    ['a', '10.50.1.1/24', '10.50.1.254'],
    ['b', '10.50.1.2/24', '10.50.1.254'],
    ['c', '10.50.2.1/24', '10.50.2.254'],
    ['out', '203.0.113.9/24', undefined],
  ] as const) {
    inNs('r', 'ip', 'link', 'add', `to${n}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns(n));
    inNs('r', 'ip', 'link', 'set', `to${n}`, 'up');
    inNs(n, 'ip', 'addr', 'add', address, 'dev', 'eth0');
    inNs(n, 'ip', 'link', 'set', 'eth0', 'up');
    if (n === 'a' || n === 'b') inNs('r', 'ip', 'link', 'set', `to${n}`, 'master', 'lan');
    if (gateway) inNs(n, 'ip', 'route', 'add', 'default', 'via', gateway);
  }
  inNs('r', 'ip', 'addr', 'add', '10.50.2.254/24', 'dev', 'toc');
  inNs('r', 'ip', 'addr', 'add', '203.0.113.1/24', 'dev', 'toout');
  // The outside knows the nodes' networks but no pods.
  inNs('out', 'ip', 'route', 'add', '10.50.0.0/16', 'via', '203.0.113.1');
  for (const n of ['a', 'b', 'c'] as const) {
    // As Docker leaves it.
    inNs(n, 'iptables', '-P', 'FORWARD', 'DROP');
    const network = await NodeNetwork.create(
      {
        nodeName: n,
        nodeIp: nodes[n],
        cniConfDir: join(dir, n),
        clusterCidrs: ['10.244.0.0/16'],
        commandPrefix: ['ip', 'netns', 'exec', ns(n)],
        logger,
      },
      stop.signal,
    );
    networks.set(n, network);
    running.push(network.run());
    addPod(n);
  }
  await Promise.all(['pa', 'pb', 'pc', 'out', 'c'].map(serve));
});

after(async () => {
  stop.abort();
  await Promise.all(running);
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
      if (from !== to) assert.equal(get(`p${from}`, pods[to]), pods[from], `${from} to ${to}`);
    }
  }
  const routes = inNs('a', 'ip', 'route', 'show', 'proto', String(routeProtocol));
  assert.match(routes, /^10\.244\.2\.0\/24 via 10\.50\.1\.2 dev eth0/m);
  assert.match(routes, new RegExp(`^10\\.244\\.3\\.0/24 via 10\\.244\\.3\\.0 dev ${vxlanDeviceName} onlink`, 'm'));
});

test('packets larger than the tunnel takes arrive', () => {
  assert.equal(get('pa', pods.c, 'big').length, 20000);
});

test('the node itself reaches remote pods', () => {
  assert.equal(get('a', pods.b), nodes.a);
  assert.equal(get('a', pods.c), '10.244.1.0');
});

test('pods reach the outside as their node', () => {
  assert.equal(get('pa', '203.0.113.9'), nodes.a);
  assert.equal(get('pa', nodes.c), nodes.a);
});

test('the CNI configuration is complete', async () => {
  assert.deepEqual(await readdir(join(dir, 'a')), ['10-kubelab.conflist']);
  const config = JSON.parse(await readFile(join(dir, 'a', '10-kubelab.conflist'), 'utf8'));
  assert.deepEqual(
    config.plugins.map((p: { type: string }) => p.type),
    ['bridge', 'portmap', 'bandwidth'],
  );
  assert.equal(config.plugins[0].mtu, 1450);
  assert.deepEqual(config.plugins[0].ipam.ranges, [[{ subnet: '10.244.1.0/24' }]]);
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

test('a restart changes nothing', async () => {
  const state = () =>
    ['iptables-save', 'ip route', 'bridge fdb', 'ip neigh show nud permanent'].map((c) =>
      inNs('a', ...c.split(' '))
        .replace(/^#.*$/gm, '')
        .replace(/\[\d+:\d+\]/g, ''),
    );
  const before = state();
  const own = new AbortController();
  const again = await NodeNetwork.create(
    {
      nodeName: 'a',
      nodeIp: nodes.a,
      cniConfDir: join(dir, 'a'),
      clusterCidrs: ['10.244.0.0/16'],
      commandPrefix: ['ip', 'netns', 'exec', ns('a')],
      logger,
    },
    own.signal,
  );
  for (const n of ['a', 'b', 'c'] as const) again.setPeer(peer(n));
  const run = again.run();
  await again.settled();
  assert.deepEqual(state(), before);
  own.abort();
  await run;
});

test('cleanup leaves nothing of ours', async () => {
  await cleanupNodeNetwork({ cniConfDir: join(dir, 'b'), commandPrefix: ['ip', 'netns', 'exec', ns('b')] });
  assert.equal(inNs('b', 'ip', 'route', 'show', 'proto', String(routeProtocol)), '');
  assert.doesNotMatch(inNs('b', 'iptables-save'), /KUBE/);
  assert.doesNotMatch(inNs('b', 'ip', '-br', 'link'), /cni0|vxlan/);
  assert.deepEqual(await readdir(join(dir, 'b')), []);
});
