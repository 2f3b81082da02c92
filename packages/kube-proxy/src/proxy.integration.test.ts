import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { V1EndpointSlice, V1Service } from '@kubelab/api';
import { createLogger, Registry } from '@kubelab/component-base';
import type { Backend } from '@kubelab/node-iptables';
import { cleanupKubeProxy } from './cleanup.js';
import { KubeProxy } from './kube-proxy.js';
import type { ProxyMode, ProxyOptions } from './options.js';
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

  async function start(extra: Partial<ProxyOptions> = {}): Promise<void> {
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
      // Health check ports are opened by this very process, which has none of the node's addresses.
      nodePortAddresses: ['0.0.0.0/0', '::/0'],
      metrics,
      logger,
      onProblem: (s: V1Service, message) => problems.push(`${s.metadata?.name}: ${message}`),
      signal: stop.signal,
      ...extra,
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

  if (isNftables) {
    test('a port that the Service does not have is refused at its cluster IP', async () => {
      for (const from of ['node', 'p1'] as const) {
        assert.equal(await lab.get(from, '10.96.0.1:81'), 'refused', from);
        assert.match(await lab.get(from, '10.96.0.1'), /^p2 /, from);
      }
    });
  }

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

  test('UDP: a refusal is an ICMP error; a flow to an endpoint that only ends goes on', async () => {
    proxy.setSlice(slice('dns', [], [{ name: 'u', port: 8080, protocol: 'UDP' }]));
    await synced();
    assert.equal(await lab.udp('p2', '10.96.0.10', 53, 5557), 'refused');
    assert.equal(await lab.udp('node', '10.96.0.10', 53, 5557), 'refused');
    const udp: V1EndpointSlice['ports'] = [{ name: 'u', port: 8080, protocol: 'UDP' }];
    proxy.setSlice(slice('dns', [endpoint('10.244.1.11', 'node1')], udp));
    await synced();
    assert.match(await lab.udp('p2', '10.96.0.10', 53, 5557), /^p1 /);
    const ending = endpoint('10.244.1.11', 'node1', { conditions: { ready: false, serving: true, terminating: true } });
    proxy.setSlice(slice('dns', [ending, endpoint('10.244.1.12', 'node1')], udp));
    await synced();
    assert.match(await lab.udp('p2', '10.96.0.10', 53, 5557), /^p1 /, 'as a TCP connection would');
    assert.match(await lab.udp('p1', '10.96.0.10', 53, 5558), /^p2 /, 'new flows go to ready endpoints');
  });

  test('hints: endpoints of the zone, of the node, all again when hints are incomplete', async () => {
    const hinted = (ip: string, zone: string, ...nodes: string[]) =>
      endpoint(ip, 'node1', {
        hints: { forZones: [{ name: zone }], ...(nodes[0] ? { forNodes: nodes.map((name) => ({ name })) } : {}) },
      });
    const inZone = (zone: string) =>
      proxy.setNode({ metadata: { name: 'node1', labels: { 'topology.kubernetes.io/zone': zone } } });
    proxy.setService(service('near', '10.96.0.20', { trafficDistribution: 'PreferClose' }));
    proxy.setSlice(slice('near', [hinted('10.244.1.11', 'z1'), hinted('10.244.1.12', 'z2')]));
    inZone('z1');
    await synced();
    assert.deepEqual(await lab.spread('node', '10.96.0.20', 6), ['p1']);
    inZone('z2');
    await synced();
    assert.deepEqual(await lab.spread('p1', '10.96.0.20', 6), ['p2']);
    inZone('z3');
    await synced();
    assert.deepEqual(await lab.spread('p1', '10.96.0.20', 20), ['p1', 'p2'], 'no endpoint is for this zone');
    proxy.setSlice(slice('near', [hinted('10.244.1.11', 'z3'), endpoint('10.244.1.12', 'node1')]));
    await synced();
    assert.deepEqual(await lab.spread('p1', '10.96.0.20', 20), ['p1', 'p2'], 'one endpoint has no hint');
    proxy.setSlice(slice('near', [hinted('10.244.1.11', 'z3', 'node2'), hinted('10.244.1.12', 'z1', 'node1')]));
    await synced();
    assert.deepEqual(await lab.spread('p1', '10.96.0.20', 6), ['p2'], 'the node counts more than the zone');
  });

  test('target ports are those of each slice; ports of one Service are apart', async () => {
    const ports = [
      { name: 'http', port: 80, protocol: 'TCP' },
      { name: 'admin', port: 81, protocol: 'TCP' },
    ];
    proxy.setService(service('multi', '10.96.0.21', { ports }));
    proxy.setSlice(slice('multi', local2.slice(0, 1), [{ name: 'http', port: 8080, protocol: 'TCP' }]));
    proxy.setSlice({
      ...slice('multi', local2.slice(1), [{ name: 'http', port: 8081, protocol: 'TCP' }]),
      metadata: { name: 'multi-2', namespace: 'default', labels: { 'kubernetes.io/service-name': 'multi' } },
    });
    proxy.setSlice({
      ...slice('multi', farOnly, [{ name: 'admin', port: 8080, protocol: 'TCP' }]),
      metadata: { name: 'multi-3', namespace: 'default', labels: { 'kubernetes.io/service-name': 'multi' } },
    });
    await synced();
    assert.deepEqual(await lab.spread('node', '10.96.0.21', 20), ['p1', 'p2:8081']);
    assert.deepEqual(await lab.spread('node', '10.96.0.21:81', 4), ['far']);
  });

  test('a dual-stack Service answers on both addresses', async () => {
    const six = slice('both', [endpoint('fd00:244:1::12', 'node1')]);
    proxy.setService(service('both', '10.96.0.22', { ...nodePort(30087), clusterIPs: ['10.96.0.22', 'fd00:96::22'] }));
    proxy.setSlice(slice('both', local2.slice(0, 1)));
    proxy.setSlice({ ...six, metadata: { ...six.metadata, name: 'both-6' } });
    await synced();
    assert.match(await lab.get('client', '10.96.0.22'), /^p1 /);
    assert.match(await lab.get('p1', '[fd00:96::22]'), /^p2 /);
    assert.match(await lab.get('client', '192.168.77.1:30087'), /^p1 /);
    assert.match(await lab.get('client', '[fd00:77::1]:30087'), /^p2 /);
    proxy.setService(service('both', '10.96.0.22', { clusterIPs: ['10.96.0.22', 'fd00:96::22'] }));
    await synced();
    assert.equal(await lab.get('client', '[fd00:77::1]:30087'), 'refused', 'the node port is gone');
    assert.match(await lab.get('p1', '[fd00:96::22]'), /^p2 /);
  });

  test('SCTP has rules of its own', async () => {
    const ports = [{ name: 's', port: 3868, protocol: 'SCTP', nodePort: 30088 }];
    const rules = () =>
      isNftables
        ? lab.in(lab.node, 'nft', 'list', 'table', 'ip', 'kube-proxy')
        : lab.in(lab.node, `iptables-${backend}-save`);
    proxy.setService(service('sctp', '10.96.0.23', { type: 'NodePort', ports }));
    proxy.setSlice(slice('sctp', local2.slice(0, 1), [{ name: 's', port: 3868, protocol: 'SCTP' }]));
    await synced();
    if (isNftables) assert.match(rules(), /10\.96\.0\.23 \. sctp \. 3868[^,}]* : (goto|10\.244)/);
    else {
      assert.match(rules(), /-A KUBE-SERVICES -d 10\.96\.0\.23\/32 -p sctp .*--dport 3868 -j KUBE-SVC-/);
      assert.match(rules(), /-A KUBE-SEP-\S+ -p sctp .*-j DNAT --to-destination 10\.244\.1\.11:3868/);
      assert.match(rules(), /-A KUBE-NODEPORTS .*-p sctp .*--dport 30088|-A KUBE-NODEPORTS -p sctp .*--dport 30088/);
    }
    proxy.setSlice(slice('sctp', [], [{ name: 's', port: 3868, protocol: 'SCTP' }]));
    await synced();
    if (isNftables)
      assert.match(rules(), /10\.96\.0\.23 \. sctp \. 3868 comment "default\/sctp:s" : goto reject-chain/);
    else assert.match(rules(), /-A KUBE-SERVICES -d 10\.96\.0\.23\/32 -p sctp .*-j REJECT/);
  });

  test('a load balancer address with policy Local: source kept, ending endpoints still serve, health tells', async () => {
    const spec = {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: await freePort(),
      loadBalancerSourceRanges: ['192.168.77.0/24', '10.244.0.0/16'],
      ports: [{ name: 'http', port: 80, nodePort: 30089 }],
    };
    const health = async () => {
      const r = await fetch(`http://127.0.0.1:${spec.healthCheckNodePort}/`);
      return [r.status, r.headers.get('x-load-balancing-endpoint-weight'), await r.json()];
    };
    const answer = (localEndpoints: number) => ({
      service: { namespace: 'default', name: 'lbl' },
      localEndpoints,
      serviceProxyHealthy: true,
    });
    proxy.setService(service('lbl', '10.96.0.24', spec, { loadBalancer: { ingress: [{ ip: '192.0.2.80' }] } }));
    proxy.setSlice(slice('lbl', [...local2, ...farOnly]));
    await synced();
    assert.match(await lab.get('client', '192.0.2.80'), /^p\d 192\.168\.77\.2$/);
    assert.deepEqual(await health(), [200, '2', answer(2)]);
    if (!isNftables) {
      const port = `--dport ${spec.healthCheckNodePort} -j ACCEPT`;
      assert.ok(lab.in(lab.node, `iptables-${backend}-save`, '-t', 'filter').includes(port));
    }
    const ending = endpoint('10.244.1.11', 'node1', { conditions: { ready: false, serving: true, terminating: true } });
    proxy.setSlice(slice('lbl', [ending, ...farOnly]));
    await synced();
    assert.equal(await lab.get('client', '192.0.2.80'), 'p1 192.168.77.2', 'while load balancers notice');
    assert.deepEqual(await health(), [503, '0', answer(0)]);
    proxy.setSlice(slice('lbl', farOnly));
    await synced();
    assert.equal(await lab.get('client', '192.0.2.80', 1), 'timeout');
    assert.match(await lab.get('p1', '192.0.2.80'), /^far /, 'pods go by all endpoints');
    assert.match(await lab.get('node', '192.0.2.80'), /^far /, 'the node too, which is in the source ranges');
    proxy.removeService(service('lbl', '10.96.0.24'));
    await synced();
    await assert.rejects(health());
  });

  test('session affinity ends with its endpoint, with its time, and when it is taken back', async () => {
    const sticky = (timeoutSeconds: number) =>
      service('stick', '10.96.0.25', {
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds } },
      });
    proxy.setService(sticky(3600));
    proxy.setSlice(slice('stick', local2));
    await synced();
    const [first] = await lab.spread('client', '10.96.0.25', 6);
    const other = first === 'p1' ? 'p2' : 'p1';
    proxy.setSlice(slice('stick', first === 'p1' ? local2.slice(1) : local2.slice(0, 1)));
    await synced();
    assert.deepEqual(await lab.spread('client', '10.96.0.25', 3), [other]);
    proxy.setSlice(slice('stick', local2));
    proxy.setService(sticky(1));
    await synced();
    // Each connection prolongs it, so each try waits until it is over.
    const seen = new Set<string>();
    for (let turn = 0; turn < 20 && seen.size < 2; turn++) {
      for (const name of await lab.spread('client', '10.96.0.25', 1)) seen.add(name);
      await setTimeout(1100);
    }
    assert.equal(seen.size, 2, 'after its time the client goes anywhere');
    proxy.setService(service('stick', '10.96.0.25'));
    await synced();
    assert.deepEqual(await lab.spread('client', '10.96.0.25', 20), ['p1', 'p2']);
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

  if (!isNftables) {
    test('a foreign flush that leaves the chains is noticed and mended', async () => {
      for (const table of ['nat', 'filter']) lab.in(lab.node, `iptables-${backend}`, '-w', '-t', table, '-F');
      const deadline = Date.now() + 10_000;
      while (!/^p\d /.test(await lab.get('node', '10.96.0.67', 1))) assert.ok(Date.now() < deadline);
    });
  }

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
        ? lab.in(lab.node, 'nft', 'list', 'table', 'ip', 'kube-proxy')
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

  test('masquerade-all, node ports on some addresses alone', async () => {
    await end();
    await start({ masqueradeAll: true, nodePortAddresses: ['primary'] });
    proxy.setService(service('good', '10.96.0.67', nodePort(30067)));
    proxy.setSlice(slice('good', local2.slice(1)));
    running = proxy.run();
    await synced();
    assert.equal(await lab.get('p1', '10.96.0.67'), 'p2 10.244.1.1', 'the pod is masqueraded');
    assert.equal(await lab.get('client', '192.168.77.1:30067'), 'p2 10.244.1.1');
    assert.equal(await lab.get('client', '192.168.78.1:30067'), 'refused');
    assert.equal(await lab.get('node', '127.0.0.1:30067'), 'refused');
  });

  test('pods told by their interface; flows that went stale while no proxy ran', async () => {
    const ports = [{ name: 'u', port: 53, protocol: 'UDP' }];
    const udp = (ip: string) => slice('dns', [endpoint(ip, 'node1')], [{ name: 'u', port: 8080, protocol: 'UDP' }]);
    proxy.setService(service('dns', '10.96.0.10', { ports }));
    proxy.setSlice(udp('10.244.1.11'));
    await synced();
    assert.match(await lab.udp('client', '10.96.0.10', 53, 5560), /^p1 /);
    await end();
    await start({ clusterCidrs: [], localInterface: 'cni0' });
    proxy.setService(service('good', '10.96.0.67'));
    proxy.setSlice(slice('good', local2.slice(1)));
    proxy.setService(service('dns', '10.96.0.10', { ports }));
    proxy.setSlice(udp('10.244.1.12'));
    running = proxy.run();
    await synced();
    assert.equal(await lab.get('p1', '10.96.0.67'), 'p2 10.244.1.11');
    assert.equal(await lab.get('client', '10.96.0.67'), 'p2 10.244.1.1');
    assert.match(await lab.udp('client', '10.96.0.10', 53, 5560), /^p2 /);
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

/** A port that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
