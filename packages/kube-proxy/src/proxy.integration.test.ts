import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { V1Service } from '@kubelab/api';
import { createLogger, Registry } from '@kubelab/component-base';
import type { Backend } from '@kubelab/node-iptables';
import { cleanupKubeProxy } from './cleanup.js';
import { KubeProxy } from './kube-proxy.js';
import type { ProxyMode } from './options.js';
import { Lab } from './testing/lab.js';
import { endpoint, service, slice } from './testing/objects.js';

const logger = createLogger({ component: 'test', format: 'text', verbosity: 0 });

describe('traffic through iptables-nft', { concurrency: false }, () => suite('iptables', 'nft'));
describe('traffic through iptables-legacy', { concurrency: false }, () => suite('iptables', 'legacy'));
describe('traffic through nftables', { concurrency: false }, () => suite('nftables', 'nft'));

function suite(mode: ProxyMode, backend: Backend): void {
  const lab = new Lab(`kp${process.pid}${mode[0]}${backend[0]}`);
  const isNftables = mode === 'nftables';
  let stop = new AbortController();
  let problems: string[] = [];
  let proxy: KubeProxy;
  let metrics: Registry;
  let running: Promise<void>;

  async function start(): Promise<void> {
    stop = new AbortController();
    metrics = new Registry();
    proxy = await KubeProxy.create({
      nodeName: 'node1',
      nodeIPs: ['192.168.77.1', 'fd00:77::1'],
      clusterCidrs: ['10.244.0.0/16', 'fd00:244::/32'],
      mode,
      backend,
      minSyncPeriodMs: 10,
      syncPeriodMs: 200,
      healthz: false,
      commandPrefix: lab.prefix,
      metrics,
      logger,
      onProblem: (s: V1Service, message) => problems.push(`${s.metadata?.name}: ${message}`),
      signal: stop.signal,
    });
  }
  async function end(): Promise<void> {
    stop.abort();
    await proxy.stop();
    await running;
  }
  const synced = () => proxy.settled();
  const local2 = [endpoint('10.244.1.11', 'node1'), endpoint('10.244.1.12', 'node1')];
  const farOnly = [endpoint('10.244.2.11', 'node2')];
  const nodePort = (port: number) => ({ type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: port }] });

  before(async () => {
    await lab.up();
    lab.in(
      lab.node,
      `iptables-${backend}`,
      '-t',
      'nat',
      '-A',
      'PREROUTING',
      '-m',
      'comment',
      '--comment',
      'foreign',
      '-j',
      'ACCEPT',
    );
    await start();
    proxy.setService(service('web', '10.96.0.1', nodePort(30080)));
    proxy.setSlice(slice('web', [...local2, ...farOnly]));
    running = proxy.run();
    await synced();
  });
  after(async () => {
    await end();
    lab.down();
  });

  test('cluster IP: from the node, a pod, the endpoint itself and outside', async () => {
    assert.deepEqual(await lab.spread('node', '10.96.0.1', 30), ['far', 'p1', 'p2']);
    assert.deepEqual(await lab.spread('p1', '10.96.0.1', 30), ['far', 'p1', 'p2']);
    assert.deepEqual(await lab.spread('client', '10.96.0.1', 30), ['far', 'p1', 'p2']);
  });

  test('a pod keeps its address towards others, outsiders are masqueraded', async () => {
    proxy.setSlice(slice('web', [endpoint('10.244.1.12', 'node1')]));
    await synced();
    assert.equal(await lab.get('p1', '10.96.0.1'), 'p2 10.244.1.11');
    assert.equal(await lab.get('client', '10.96.0.1'), 'p2 10.244.1.1');
    assert.equal(await lab.get('p2', '10.96.0.1'), 'p2 10.244.1.1', 'hairpin is masqueraded');
  });

  test('node port: from outside, from the node, on localhost', async () => {
    assert.equal(await lab.get('client', '192.168.77.1:30080'), 'p2 10.244.1.1');
    assert.match(await lab.get('node', '192.168.77.1:30080'), /^p2 /);
    // As in kube-proxy, node ports on localhost are of the iptables mode alone.
    assert.match(await lab.get('node', '127.0.0.1:30080'), isNftables ? /^refused$/ : /^p2 /);
    assert.match(await lab.get('p1', '192.168.77.1:30080'), /^p2 /);
  });

  test('no endpoints: refused at once, then served when one comes', async () => {
    proxy.setSlice(slice('web', []));
    await synced();
    assert.equal(await lab.get('node', '10.96.0.1'), 'refused');
    assert.equal(await lab.get('p1', '10.96.0.1'), 'refused');
    assert.equal(await lab.get('client', '192.168.77.1:30080'), 'refused');
    proxy.setSlice(slice('web', farOnly));
    await synced();
    assert.match(await lab.get('client', '192.168.77.1:30080'), /^far /);
  });

  test('external traffic policy Local keeps the source and drops where no endpoint is', async () => {
    const local = { ...nodePort(30081), externalTrafficPolicy: 'Local' };
    proxy.setService(service('loc', '10.96.0.2', local));
    proxy.setSlice(slice('loc', [endpoint('10.244.1.11', 'node1'), ...farOnly]));
    await synced();
    assert.equal(await lab.get('client', '192.168.77.1:30081'), 'p1 192.168.77.2');
    proxy.setSlice(slice('loc', farOnly));
    await synced();
    assert.equal(await lab.get('client', '192.168.77.1:30081', 1), 'timeout');
    assert.match(await lab.get('node', '192.168.77.1:30081'), /^far /, 'the node itself is short-circuited');
    assert.match(await lab.get('p1', '192.168.77.1:30081'), /^far /, 'and so are pods');
    assert.match(await lab.get('node', '10.96.0.2'), /^far /);
  });

  test('internal traffic policy Local', async () => {
    proxy.setService(service('int', '10.96.0.3', { internalTrafficPolicy: 'Local' }));
    proxy.setSlice(slice('int', [...farOnly, endpoint('10.244.1.12', 'node1')]));
    await synced();
    assert.deepEqual(await lab.spread('p1', '10.96.0.3', 8), ['p2']);
    proxy.setSlice(slice('int', farOnly));
    await synced();
    assert.equal(await lab.get('node', '10.96.0.3', 1), 'timeout');
  });

  test('external IPs and load balancer addresses with source ranges', async () => {
    const lb = (ranges: string[]) =>
      service(
        'lb',
        '10.96.0.4',
        {
          type: 'LoadBalancer',
          loadBalancerSourceRanges: ranges,
          externalIPs: ['192.0.2.77'],
          ports: [{ name: 'http', port: 80, nodePort: 30084 }],
        },
        { loadBalancer: { ingress: [{ ip: '192.0.2.78' }] } },
      );
    proxy.setService(lb(['192.168.77.0/24']));
    proxy.setSlice(slice('lb', local2));
    await synced();
    assert.match(await lab.get('client', '192.0.2.77'), /^p\d /);
    assert.match(await lab.get('client', '192.0.2.78'), /^p\d /);
    proxy.setService(lb(['192.168.99.0/24']));
    await synced();
    assert.equal(await lab.get('client', '192.0.2.78', 1), 'timeout');
    assert.match(await lab.get('client', '192.0.2.77'), /^p\d /, 'source ranges do not count for external IPs');
  });

  test('session affinity sticks to one endpoint', async () => {
    proxy.setService(
      service('sticky', '10.96.0.5', {
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
      }),
    );
    proxy.setSlice(slice('sticky', [...local2, ...farOnly]));
    await synced();
    assert.equal((await lab.spread('client', '10.96.0.5', 12)).length, 1);
  });

  test('terminating endpoints serve only while there is no ready one', async () => {
    const going = endpoint('10.244.1.11', 'node1', { conditions: { ready: false, serving: true, terminating: true } });
    proxy.setSlice(slice('web', [going, endpoint('10.244.1.12', 'node1')]));
    await synced();
    assert.deepEqual(await lab.spread('node', '10.96.0.1', 8), ['p2']);
    proxy.setSlice(slice('web', [going]));
    await synced();
    assert.deepEqual(await lab.spread('node', '10.96.0.1', 4), ['p1']);
  });

  test('UDP flows move when their endpoint goes, and when the first one comes', async () => {
    const ports = [{ name: 'u', port: 53, protocol: 'UDP', nodePort: 30053 }];
    const at = (...ips: string[]) =>
      slice(
        'dns',
        ips.map((ip) => endpoint(ip, 'node1')),
        [{ name: 'u', port: 8080, protocol: 'UDP' }],
      );
    proxy.setService(service('dns', '10.96.0.10', { type: 'NodePort', ports }));
    proxy.setSlice(at('10.244.1.11'));
    await synced();
    assert.match(await lab.udp('p2', '10.96.0.10', 53, 5555), /^p1 /);
    assert.match(await lab.udp('client', '192.168.77.1', 30053, 5556), /^p1 /);
    proxy.setSlice(at('10.244.1.12'));
    await synced();
    assert.match(await lab.udp('p2', '10.96.0.10', 53, 5555), /^p2 /);
    assert.match(await lab.udp('client', '192.168.77.1', 30053, 5556), /^p2 /);
    proxy.setSlice(at());
    await synced();
    await lab.udp('p2', '10.96.0.10', 53, 5555);
    proxy.setSlice(at('10.244.1.11'));
    await synced();
    assert.match(await lab.udp('p2', '10.96.0.10', 53, 5555), /^p1 /);
  });

  test('IPv6', async () => {
    proxy.setService(service('six', 'fd00:96::1', nodePort(30086)));
    proxy.setSlice(slice('six', [endpoint('fd00:244:1::11', 'node1'), endpoint('fd00:244:1::12', 'node1')]));
    await synced();
    assert.deepEqual(await lab.spread('p1', '[fd00:96::1]', 16), ['p1', 'p2']);
    assert.match(await lab.get('client', '[fd00:77::1]:30086'), /^p\d fd00:244:1::1$/);
    proxy.setSlice({ ...slice('six', []), addressType: 'IPv6' });
    await synced();
    assert.equal(await lab.get('p1', '[fd00:96::1]'), 'refused');
  });

  test('a Service the kernel refuses is reported and leaves the others working', async () => {
    problems = [];
    proxy.setService(service('bad', '10.96.0.66', { ports: [{ name: 'http', port: 70000 }] }));
    proxy.setSlice(slice('bad', local2));
    proxy.setService(service('good', '10.96.0.67'));
    proxy.setSlice(slice('good', local2));
    await synced();
    assert.match(await lab.get('node', '10.96.0.67'), /^p\d /);
    assert.match(problems.join('\n'), /^bad: cannot be programmed: /m);
    proxy.removeService(service('bad', '10.96.0.66'));
    await synced();
  });

  test('a deleted Service is gone', async () => {
    proxy.removeService(service('web', '10.96.0.1', nodePort(30080)));
    await synced();
    assert.equal(await lab.get('client', '192.168.77.1:30080', 1), 'refused');
    assert.doesNotMatch(lab.in(lab.node, `iptables-${backend}-save`), /default\/web/);
  });

  test('a foreign flush is noticed and mended', async () => {
    if (isNftables) lab.in(lab.node, 'nft', 'flush', 'ruleset');
    for (const table of ['mangle', 'nat', 'filter']) {
      for (const what of ['-F', '-X']) lab.in(lab.node, `iptables-${backend}`, '-w', '-t', table, what);
    }
    lab.in(
      lab.node,
      `iptables-${backend}`,
      '-t',
      'nat',
      '-A',
      'PREROUTING',
      '-m',
      'comment',
      '--comment',
      'foreign',
      '-j',
      'ACCEPT',
    );
    const deadline = Date.now() + 10_000;
    while (!/^p\d /.test(await lab.get('node', '10.96.0.67', 1))) assert.ok(Date.now() < deadline);
  });

  test('a restart takes over what is there without writing it again', async () => {
    const saved = () =>
      isNftables
        ? lab.in(lab.node, 'nft', 'list', 'table', 'ip', 'kubelab-proxy')
        : lab.in(lab.node, `iptables-${backend}-save`, '-t', 'nat');
    const before = saved();
    await end();
    assert.match(await lab.get('node', '10.96.0.67'), /^p\d /, 'the rules stay while no proxy runs');
    await start();
    for (const [name, ip] of [['good', '10.96.0.67']] as const) {
      proxy.setService(service(name, ip));
      proxy.setSlice(slice(name, local2));
    }
    running = proxy.run();
    await synced();
    const after = saved();
    const mine = (save: string) =>
      save
        .split('\n')
        .flatMap((l) => (isNftables ? (l.match(/10\.96\.0\.67 \.[^,}]*/g) ?? []).map((e) => e.trim()) : [l]))
        .filter((l) => l.includes('default/good') || l.includes('10.96.0.67'))
        .sort();
    assert.deepEqual(mine(after), mine(before));
    assert.doesNotMatch(after, /default\/(sticky|lb|loc)/, 'what is no longer wanted is gone');
    assert.match(await lab.get('client', '10.96.0.67'), /^p\d /);
  });

  test('cleanup removes all of ours and nothing of others', async () => {
    await end();
    assert.ok((await cleanupKubeProxy({ commandPrefix: lab.prefix })) >= 2);
    assert.doesNotMatch(lab.in(lab.node, 'nft', 'list', 'tables'), /kubelab/);
    for (const tool of [`iptables-${backend}-save`, `ip6tables-${backend}-save`]) {
      assert.doesNotMatch(lab.in(lab.node, tool), /KUBE/);
    }
    assert.match(lab.in(lab.node, `iptables-${backend}-save`), /--comment foreign/);
    assert.equal(await cleanupKubeProxy({ commandPrefix: lab.prefix }), 0);
  });
}
