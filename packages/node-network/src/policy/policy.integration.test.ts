import assert from 'node:assert/strict';
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { V1NetworkPolicy, V1NetworkPolicySpec, V1Pod } from '@kubelab/api';
import { createLogger } from '@kubelab/component-base';
import { Iptables, removeChains } from '@kubelab/node-iptables';
import { isPolicyChain } from './compile.js';
import { removeSets } from './ipset.js';
import { PolicyEnforcer } from './policy-enforcer.js';

// One node with pods a, b (namespace default), c (namespace other) on a bridge, and an outside client x behind a route.
const exec = promisify(execFile);
const id = `np${process.pid}`;
const node = `${id}n`;
const prefix = ['ip', 'netns', 'exec', node];
const addresses = { a: '10.244.1.2', b: '10.244.1.3', c: '10.244.1.4', x: '192.168.9.2' } as const;
type Name = keyof typeof addresses;
const v6 = { a: 'fd00:244::2', b: 'fd00:244::3', c: 'fd00:244::4', x: 'fd00:9::2' } as const;
const servers: ChildProcess[] = [];
const stop = new AbortController();
let enforcer: PolicyEnforcer;
let running: Promise<void>;

const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const inNs = (ns: string, ...cmd: string[]) => ip('netns', 'exec', ns, ...cmd);

/** Whether there is an answer within some seconds: many where one must come, for the machine may be busy. */
async function reaches(from: Name | 'node', to: string, port = 8080, seconds = 60): Promise<boolean> {
  const ns = from === 'node' ? node : `${id}${from}`;
  const host = to.includes(':') ? `[${to}]` : to;
  try {
    await exec('ip', ['netns', 'exec', ns, 'curl', '-gs', '-m', `${seconds}`, `http://${host}:${port}/`]);
    return true;
  } catch (e) {
    // 28: no answer in time. Anything else is a fault of the test's network.
    assert.equal((e as { code?: number }).code, 28);
    return false;
  }
}
const isKeptFrom = async (from: Name | 'node', to: string, port?: number) => !(await reaches(from, to, port, 1));

const pod = (name: 'a' | 'b' | 'c', namespace: string): V1Pod => ({
  metadata: { name, namespace, labels: { app: name } },
  spec: { nodeName: 'n1', containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 8080 }] }] },
  status: { phase: 'Running', podIP: addresses[name], podIPs: [{ ip: addresses[name] }, { ip: v6[name] }] },
});
const policy = (name: string, spec: V1NetworkPolicySpec): V1NetworkPolicy => ({
  metadata: { name, namespace: 'default' },
  spec,
});
const forA = { podSelector: { matchLabels: { app: 'a' } } };

/** Applies policies in place of all before. */
let current: V1NetworkPolicy[] = [];
async function apply(...policies: V1NetworkPolicy[]): Promise<void> {
  for (const p of current) enforcer.removePolicy(p);
  for (const p of policies) enforcer.setPolicy(p);
  current = policies;
  await enforcer.settled();
}

function newEnforcer(signal: AbortSignal, isolateTimeoutMs = 60_000): PolicyEnforcer {
  const tool = (family: 'ipv4' | 'ipv6') => [family, new Iptables({ family, backend: 'nft', prefix })] as const;
  return new PolicyEnforcer({
    nodeName: 'n1',
    iptables: new Map([tool('ipv4'), tool('ipv6')]),
    commandPrefix: prefix,
    isolateTimeoutMs,
    logger: createLogger({ component: 'test', format: 'text', verbosity: 0 }),
    signal,
  });
}

before(async () => {
  ip('netns', 'add', node);
  inNs(node, 'ip', 'link', 'set', 'lo', 'up');
  inNs(
    node,
    'sysctl',
    '-qw',
    'net.ipv4.ip_forward=1',
    'net.ipv6.conf.all.forwarding=1',
    'net.bridge.bridge-nf-call-iptables=1',
    'net.bridge.bridge-nf-call-ip6tables=1',
    'net.ipv6.conf.default.accept_dad=0',
  );
  inNs(node, 'ip', 'link', 'add', 'cni0', 'type', 'bridge');
  inNs(node, 'ip', 'addr', 'add', '10.244.1.1/24', 'dev', 'cni0');
  inNs(node, 'ip', 'addr', 'add', 'fd00:244::1/64', 'dev', 'cni0', 'nodad');
  inNs(node, 'ip', 'link', 'set', 'cni0', 'up');
  for (const name of Object.keys(addresses) as Name[]) {
    const ns = `${id}${name}`;
    ip('netns', 'add', ns);
    inNs(ns, 'ip', 'link', 'set', 'lo', 'up');
    inNs(node, 'ip', 'link', 'add', `v${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns);
    inNs(node, 'ip', 'link', 'set', `v${name}`, 'up');
    inNs(ns, 'ip', 'addr', 'add', `${addresses[name]}/24`, 'dev', 'eth0');
    inNs(ns, 'ip', 'addr', 'add', `${v6[name]}/64`, 'dev', 'eth0', 'nodad');
    inNs(ns, 'ip', 'link', 'set', 'eth0', 'up');
    if (name === 'x') {
      inNs(node, 'ip', 'addr', 'add', '192.168.9.1/24', 'dev', 'vx');
      inNs(node, 'ip', 'addr', 'add', 'fd00:9::1/64', 'dev', 'vx', 'nodad');
    } else inNs(node, 'ip', 'link', 'set', `v${name}`, 'master', 'cni0');
    inNs(ns, 'ip', 'route', 'add', 'default', 'via', name === 'x' ? '192.168.9.1' : '10.244.1.1');
    inNs(ns, 'ip', '-6', 'route', 'add', 'default', 'via', name === 'x' ? 'fd00:9::1' : 'fd00:244::1');
  }
  const source = `const h = (q, s) => { s.setHeader('connection', 'close'); s.end('ok'); };
    require('http').createServer(h).listen(9090, '::', () => require('http').createServer(h).listen(8080, '::', () => console.log('up')));`;
  for (const ns of [node, ...Object.keys(addresses).map((n) => `${id}${n}`)]) {
    const child = spawn('ip', ['netns', 'exec', ns, process.execPath, '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    servers.push(child);
    await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
  }
  enforcer = newEnforcer(stop.signal);
  enforcer.setNamespace('default', { 'kubernetes.io/metadata.name': 'default' });
  enforcer.setNamespace('other', { team: 'other' });
  enforcer.setPod(pod('a', 'default'));
  enforcer.setPod(pod('b', 'default'));
  enforcer.setPod(pod('c', 'other'));
  running = enforcer.run();
});

after(async () => {
  stop.abort();
  await running;
  for (const s of servers) s.kill('SIGKILL');
  for (const ns of [node, ...Object.keys(addresses).map((n) => `${id}${n}`)]) ip('netns', 'del', ns);
});

test('without policies everything passes', async () => {
  await apply();
  for (const from of ['b', 'c', 'x', 'node'] as const) assert.ok(await reaches(from, addresses.a), from);
});

test('default deny of ingress: only the node itself and the pod itself get in', async () => {
  await apply(policy('deny', forA));
  for (const from of ['b', 'c', 'x'] as const) assert.ok(await isKeptFrom(from, addresses.a), from);
  assert.ok(await isKeptFrom('b', v6.a));
  assert.ok(await reaches('node', addresses.a), 'node');
  assert.ok(await reaches('node', v6.a), 'node, IPv6');
  assert.ok(await reaches('a', addresses.a), 'itself');
  assert.ok(await reaches('a', addresses.b), 'replies to its own requests');
  assert.ok(await reaches('x', addresses.b), 'other pods');
});

test('policies hold again after somebody flushed the rules and left the chains', async () => {
  assert.ok(await enforcer.isIntact('ipv4'));
  assert.ok(await enforcer.isIntact('ipv6'));
  inNs(node, 'iptables', '-t', 'mangle', '-F');
  inNs(node, 'ipset', 'destroy');
  assert.ok(await reaches('b', addresses.a));
  assert.ok(!(await enforcer.isIntact('ipv4')));
  enforcer.forget();
  await enforcer.settled();
  assert.ok(await enforcer.isIntact('ipv4'));
  assert.ok(!(await reaches('b', addresses.a)));
});

test('pod selectors are of the same namespace', async () => {
  await apply(policy('p', { ...forA, ingress: [{ from: [{ podSelector: {} }] }] }));
  assert.ok(await reaches('b', addresses.a));
  assert.ok(await reaches('b', v6.a));
  assert.ok(await isKeptFrom('c', addresses.a));
});

test('namespace selectors, with pods and without', async () => {
  const namespaceSelector = { matchLabels: { team: 'other' } };
  await apply(policy('p', { ...forA, ingress: [{ from: [{ namespaceSelector }] }] }));
  assert.ok(await reaches('c', addresses.a));
  assert.ok(await isKeptFrom('b', addresses.a));
  await apply(
    policy('p', {
      ...forA,
      ingress: [{ from: [{ namespaceSelector, podSelector: { matchLabels: { app: 'zzz' } } }] }],
    }),
  );
  assert.ok(await isKeptFrom('c', addresses.a));
});

test('a namespace that gets the label is let in', async () => {
  await apply(
    policy('p', { ...forA, ingress: [{ from: [{ namespaceSelector: { matchLabels: { trusted: 'yes' } } }] }] }),
  );
  assert.ok(await isKeptFrom('c', addresses.a));
  enforcer.setNamespace('other', { team: 'other', trusted: 'yes' });
  await enforcer.settled();
  assert.ok(await reaches('c', addresses.a));
  enforcer.setNamespace('other', { team: 'other' });
});

test('address blocks and their exceptions', async () => {
  const block = (except: string[]) =>
    policy('p', { ...forA, ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0', except } }] }] });
  await apply(block([]));
  assert.ok(await reaches('x', addresses.a));
  await apply(block(['192.168.9.0/24']));
  assert.ok(await isKeptFrom('x', addresses.a));
  assert.ok(await reaches('b', addresses.a));
});

test('ports: numbers, ranges and names', async () => {
  const withPort = (port: object) => policy('p', { ...forA, ingress: [{ ports: [port] }] });
  await apply(withPort({ protocol: 'TCP', port: 8080 }));
  assert.ok(await reaches('x', addresses.a, 8080));
  assert.ok(await isKeptFrom('x', addresses.a, 9090));
  await apply(withPort({ port: 9000, endPort: 9100 }));
  assert.ok(await isKeptFrom('x', addresses.a, 8080));
  assert.ok(await reaches('x', addresses.a, 9090));
  await apply(withPort({ port: 'web' }));
  assert.ok(await reaches('x', addresses.a, 8080));
  assert.ok(await isKeptFrom('x', addresses.a, 9090));
  await apply(withPort({ protocol: 'UDP' }));
  assert.ok(await isKeptFrom('x', addresses.a, 8080));
});

test('egress: denied to all but what is allowed, the node included', async () => {
  await apply(policy('p', { ...forA, policyTypes: ['Egress'] }));
  for (const to of [addresses.b, addresses.x, '10.244.1.1', v6.b, 'fd00:244::1'])
    assert.ok(await isKeptFrom('a', to), to);
  assert.ok(await reaches('b', addresses.a), 'ingress is free');
  await apply(
    policy('p', {
      ...forA,
      policyTypes: ['Egress'],
      egress: [{ to: [{ podSelector: { matchLabels: { app: 'b' } } }], ports: [{ port: 'web' }] }],
    }),
  );
  assert.ok(await reaches('a', addresses.b, 8080));
  assert.ok(await isKeptFrom('a', addresses.b, 9090));
  assert.ok(await isKeptFrom('a', addresses.x));
});

test('policies add up; both ends must allow', async () => {
  await apply(
    policy('deny', forA),
    policy('b', { ...forA, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'b' } } }] }] }),
    policy('x', { ...forA, ingress: [{ from: [{ ipBlock: { cidr: '192.168.9.2/32' } }] }] }),
  );
  assert.ok(await reaches('b', addresses.a));
  assert.ok(await reaches('x', addresses.a));
  assert.ok(await isKeptFrom('c', addresses.a));
  await apply(
    policy('in', { ...forA, ingress: [{}] }),
    policy('out', { podSelector: { matchLabels: { app: 'b' } }, policyTypes: ['Egress'] }),
  );
  assert.ok(await isKeptFrom('b', addresses.a));
  assert.ok(await reaches('x', addresses.a));
});

test('a pod that comes is let in, one that goes leaves the sets', async () => {
  await apply(policy('p', { ...forA, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'b' } } }] }] }));
  enforcer.removePod(pod('b', 'default'));
  await enforcer.settled();
  assert.ok(await isKeptFrom('b', addresses.a));
  enforcer.setPod(pod('b', 'default'));
  await enforcer.settled();
  assert.ok(await reaches('b', addresses.a));
});

test('a new pod is isolated before its status has its address', async () => {
  await apply(policy('deny', forA));
  enforcer.removePod(pod('a', 'default'));
  await enforcer.settled();
  assert.ok(await reaches('b', addresses.a), 'unknown');
  const unborn: V1Pod = { ...pod('a', 'default'), status: { phase: 'Pending' } };
  await enforcer.isolate(unborn, [addresses.a, v6.a]);
  assert.ok(await isKeptFrom('b', addresses.a));
  // What the API server knows of it, still without an address, changes nothing.
  enforcer.setPod(unborn);
  await enforcer.settled();
  assert.ok(await isKeptFrom('b', v6.a));
  enforcer.setPod(pod('a', 'default'));
  await apply();
  assert.ok(await reaches('b', addresses.a));
});

test('an agent that knows no policies yet starts no pod but a static one', async () => {
  const early = newEnforcer(new AbortController().signal, 200);
  await early.isolate(pod('a', 'default'), [addresses.a], true);
  let started = false;
  const starting = early.isolate(pod('a', 'default'), [addresses.a]).then(() => {
    started = true;
  });
  const refused = assert.rejects(starting, /could not be enforced in time/);
  await early.isolate(pod('b', 'default'), [addresses.b], true);
  assert.ok(!started);
  await refused;
});

test('without policies nothing is left but the entry chain; removal leaves nothing', async () => {
  await apply();
  assert.equal(inNs(node, 'ipset', 'list', '-n'), '');
  assert.doesNotMatch(inNs(node, 'iptables-save', '-t', 'mangle'), /KUBELAB-[NP][IE]/);
  await apply(policy('deny', forA));
  // One that runs would make them again.
  stop.abort();
  await running;
  for (const family of ['ipv4', 'ipv6'] as const) {
    await removeChains(new Iptables({ family, backend: 'nft', prefix }), isPolicyChain, ['mangle']);
  }
  await removeSets(prefix);
  assert.doesNotMatch(inNs(node, 'iptables-save'), /KUBELAB/);
});
