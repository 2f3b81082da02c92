import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import type { V1NetworkPolicySpec, V1Service } from '@kubelab/api';
import { createLogger, Registry } from '@kubelab/component-base';
import {
  checkIpvsSupport,
  cleanupKubeProxy,
  IpvsUnsupportedError,
  KubeProxy,
  type ProxyMode,
} from '@kubelab/kube-proxy';
import { endpoint, service, slice } from '@kubelab/kube-proxy/testing';
import { Iptables } from '@kubelab/node-iptables';
import { PolicyEnforcer } from '@kubelab/node-network';
import { GuestLab } from './guest-lab.js';

// Runs in a User-mode Linux, whose kernel has ip_vs: see ../ipvs.integration.test.ts.
const logger = createLogger({ component: 'guest', format: 'text', verbosity: 0 });
const lab = new GuestLab();
let stop = new AbortController();
let problems: string[] = [];
let metrics: Registry;
let proxy: KubeProxy;
let running: Promise<void> = Promise.resolve();

async function create(mode: ProxyMode): Promise<void> {
  stop = new AbortController();
  metrics = new Registry();
  proxy = await KubeProxy.create({
    nodeName: 'node1',
    nodeIPs: ['192.168.77.1', 'fd00:77::1'],
    clusterCidrs: ['10.244.0.0/16', 'fd00:244::/32'],
    mode,
    ipvs: { excludeCidrs: ['203.0.113.0/24'], tcpTimeout: 1000, strictArp: true },
    backend: 'legacy',
    minSyncPeriodMs: 10,
    healthz: false,
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
/** That the kernel is found to be as it was written, however its tools spell it. */
async function isAsWritten(): Promise<void> {
  await proxy.verify();
  await synced();
  const drift = await metrics.getSingleMetric('kubeproxy_verify_drift_total')?.get();
  assert.deepEqual(
    drift?.values.filter((v) => v.value > 0),
    [],
  );
}
const synced = () => proxy.settled();
/** Long enough for an answer, short enough to wait for none. */
const noAnswer = 1000;
const virtuals = () => lab.run('ipvsadm', '-Sn');
const local2 = [endpoint('10.244.1.11', 'node1'), endpoint('10.244.1.12', 'node1')];
const p1 = local2[0] as ReturnType<typeof endpoint>;
const p2 = local2[1] as ReturnType<typeof endpoint>;
const farOnly = [endpoint('10.244.2.11', 'node2')];
const nodePort = (port: number) => ({ type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: port }] });

const lb = (...ranges: string[]) =>
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
const dnsAt = (...endpoints: ReturnType<typeof endpoint>[]) =>
  slice('dns', endpoints, [{ name: 'u', port: 8080, protocol: 'UDP' }]);
const going = endpoint('10.244.1.11', 'node1', { conditions: { ready: false, serving: true, terminating: true } });

// A process in the guest is dear: all that can change at once does, between phases, and each phase is looked at from
// all sides.
before(async () => {
  await lab.up();
  lab.run('ipvsadm', '-A', '-t', '203.0.113.1:80', '-s', 'wrr');
  await create('ipvs');
  proxy.setService(service('web', '10.96.0.1', nodePort(30080)));
  proxy.setSlice(slice('web', [...local2, ...farOnly]));
  proxy.setService(service('one', '10.96.0.7', nodePort(30087)));
  proxy.setSlice(slice('one', [p2]));
  proxy.setService(service('away', '10.96.0.11', nodePort(30011)));
  proxy.setSlice(slice('away', farOnly));
  proxy.setService(service('none', '10.96.0.8', nodePort(30088)));
  proxy.setService(service('loc', '10.96.0.2', { ...nodePort(30081), externalTrafficPolicy: 'Local' }));
  proxy.setSlice(slice('loc', [p1, ...farOnly]));
  proxy.setService(service('int', '10.96.0.3', { internalTrafficPolicy: 'Local' }));
  proxy.setSlice(slice('int', [...farOnly, p2]));
  proxy.setService(lb('192.168.77.0/24'));
  proxy.setSlice(slice('lb', local2));
  proxy.setService(
    service('sticky', '10.96.0.5', {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    }),
  );
  proxy.setSlice(slice('sticky', [...local2, ...farOnly]));
  proxy.setService(service('grace', '10.96.0.6'));
  proxy.setSlice(slice('grace', [p1]));
  proxy.setService(service('idle', '10.96.0.9'));
  proxy.setSlice(slice('idle', [p1]));
  const dns = { type: 'NodePort', ports: [{ name: 'u', port: 53, protocol: 'UDP', nodePort: 30053 }] };
  proxy.setService(service('dns', '10.96.0.10', dns));
  proxy.setSlice(dnsAt(p1));
  proxy.setService(service('six', 'fd00:96::1', { ...nodePort(30086), sessionAffinity: 'ClientIP' }));
  proxy.setSlice(slice('six', [endpoint('fd00:244:1::11', 'node1'), endpoint('fd00:244:1:0::12', 'node1')]));
  running = proxy.run();
  await synced();
});
after(async () => {
  await end();
  lab.down();
});

test('a scheduler that the kernel lacks is refused, and the trial leaves nothing', async () => {
  await assert.rejects(
    checkIpvsSupport('nosuch'),
    (e) => e instanceof IpvsUnsupportedError && /nosuch/.test(e.message),
  );
  await checkIpvsSupport('rr');
  assert.doesNotMatch(virtuals(), /198\.51\.100\.0/);
});

test('the switches of the kernel are set', () => {
  const names = ['conntrack', 'expire_nodest_conn', 'expire_quiescent_template'].map((n) => `net.ipv4.vs.${n}`);
  const arp = ['arp_ignore', 'arp_announce'].map((n) => `net.ipv4.conf.all.${n}`);
  assert.deepEqual(
    lab
      .run('sysctl', '-n', ...names, ...arp)
      .trim()
      .split('\n'),
    ['1', '1', '1', '1', '2'],
  );
  assert.match(lab.run('ipvsadm', '-L', '--timeout'), /tcp tcpfin udp\): 1000 /);
});

test('cluster IP: from the node, a pod and outside', async () => {
  for (const from of ['node', 'p1', 'client'] as const) {
    assert.deepEqual(await lab.spread(from, '10.96.0.1:80', 3), ['far', 'p1', 'p2'], from);
  }
});

test('a pod keeps its address towards others, outsiders are masqueraded', async () => {
  assert.equal(await lab.get('p1', '10.96.0.7:80'), 'p2 10.244.1.11');
  assert.equal(await lab.get('client', '10.96.0.7:80'), 'p2 10.244.1.1');
  assert.equal(await lab.get('p2', '10.96.0.7:80'), 'p2 10.244.1.1', 'hairpin is masqueraded');
});

test('node port: from outside, a pod and the node, not on localhost', async () => {
  assert.equal(await lab.get('client', '192.168.77.1:30087'), 'p2 10.244.1.1');
  assert.match(await lab.get('node', '192.168.77.1:30087'), /^p2 /);
  assert.match(await lab.get('p1', '192.168.77.1:30087'), /^p2 /);
  assert.equal(await lab.get('node', '127.0.0.1:30087'), 'refused');
});

test('without endpoints connections are refused at once', async () => {
  for (const from of ['node', 'p1'] as const) assert.equal(await lab.get(from, '10.96.0.8:80'), 'refused', from);
  assert.equal(await lab.get('client', '192.168.77.1:30088'), 'refused');
});

test("the node's own ports are not reachable by a Service's address", async () => {
  const server = createServer((s) => s.resume().end('host\n'));
  await new Promise<void>((resolve) => server.listen(9999, '0.0.0.0', () => resolve()));
  assert.equal(await lab.get('p1', '192.168.77.1:9999'), 'host');
  assert.equal(await lab.get('p1', '10.96.0.1:9999'), 'refused');
  await new Promise((resolve) => server.close(resolve));
});

test('policies Local with an endpoint here: it alone, and it sees the client', async () => {
  for (let i = 0; i < 2; i++) assert.equal(await lab.get('client', '192.168.77.1:30081'), 'p1 192.168.77.2');
  assert.deepEqual(await lab.spread('p1', '10.96.0.3:80', 3), ['p2']);
});

test('external IPs, and load balancer addresses with source ranges that contain the node', async () => {
  assert.match(await lab.get('client', '192.0.2.77:80'), /^p\d 10\.244\.1\.1$/);
  assert.match(await lab.get('client', '192.0.2.78:80'), /^p\d 10\.244\.1\.1$/);
  assert.match(await lab.get('node', '192.0.2.78:80'), /^p\d /);
  assert.equal(await lab.get('p1', '192.0.2.78:80', noAnswer), 'timeout', 'pods are not in the range');
});

test('session affinity sticks to one endpoint', async () => {
  assert.equal((await lab.spread('client', '10.96.0.5:80', 5)).length, 1);
});

test('IPv6', async () => {
  assert.match(await lab.get('p1', '[fd00:96::1]:80'), /^p\d /);
  assert.match(await lab.get('client', '[fd00:77::1]:30086'), /^p\d fd00:244:1::1$/);
});

test('NetworkPolicies hold for what IPVS sends to pods, and not for what it takes', async () => {
  const ended = new AbortController();
  const enforcer = new PolicyEnforcer({
    nodeName: 'node1',
    iptables: new Map([['ipv4', new Iptables({ family: 'ipv4', backend: 'legacy' })]]),
    ipvs: true,
    logger,
    signal: ended.signal,
  });
  for (const [name, podIP] of [
    ['p1', '10.244.1.11'],
    ['p2', '10.244.1.12'],
  ] as const) {
    enforcer.setPod({
      metadata: { name, namespace: 'default', labels: { app: name } },
      spec: { nodeName: 'node1', containers: [] },
      status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }] },
    });
  }
  const enforcing = enforcer.run();
  const policy = (spec: V1NetworkPolicySpec) => ({ metadata: { name: 'only', namespace: 'default' }, spec });
  const pod = (app: string) => ({ podSelector: { matchLabels: { app } } });

  enforcer.setPolicy(policy({ ...pod('p2'), ingress: [{ from: [{ ipBlock: { cidr: '192.168.77.2/32' } }] }] }));
  await enforcer.settled();
  assert.equal(await lab.get('p1', '10.96.0.7:80', noAnswer), 'timeout', 'ingress: another pod is not allowed');
  assert.match(await lab.get('client', '10.96.0.7:80'), /^p2 /, 'the client is, by its own address');
  assert.match(await lab.get('client', '192.168.77.1:30087'), /^p2 /);
  assert.match(await lab.get('node', '10.96.0.7:80'), /^p2 /, 'and the node always');

  enforcer.setPolicy(policy({ ...pod('p1'), policyTypes: ['Egress'], egress: [{ to: [pod('p2')] }] }));
  await enforcer.settled();
  assert.match(await lab.get('p1', '10.96.0.7:80'), /^p2 /, 'egress to a Service of an allowed pod');
  assert.match(await lab.get('p1', '192.168.77.1:30087'), /^p2 /);
  assert.equal(await lab.get('p1', '10.96.0.11:80', noAnswer), 'timeout', 'not to one of others');
  assert.equal(await lab.get('p1', '192.168.77.1:30011', noAnswer), 'timeout');
  assert.equal(await lab.get('p1', '192.168.77.1:9999', noAnswer), 'timeout', 'nor to the node');

  ended.abort();
  await enforcing;
  for (const what of ['-F', '-X']) lab.run('iptables-legacy', '-t', 'mangle', what);
});

test('second phase: endpoints change while there are connections and flows', async () => {
  assert.match(await lab.ask('client', 'again', 'a', '10.96.0.6:80'), /^p1 /);
  assert.match(await lab.ask('p2', 'udp', '10.96.0.10:53', 5555), /^p1 /);
  assert.match(await lab.ask('client', 'udp', '192.168.77.1:30053', 5556), /^p1 /);
  proxy.setSlice(slice('web', [going, p2]));
  proxy.setSlice(slice('one', [going]));
  proxy.setSlice(slice('none', farOnly));
  proxy.setSlice(slice('loc', farOnly));
  proxy.setSlice(slice('int', farOnly));
  proxy.setService(lb('192.168.77.2/32'));
  proxy.setSlice(slice('grace', [p2, ...farOnly]));
  proxy.setSlice(slice('idle', [p2]));
  proxy.setSlice(dnsAt(p2));
  proxy.setSlice({ ...slice('six', []), addressType: 'IPv6' });
  await synced();
});

test('an endpoint that goes keeps its connections and gets no new ones', async () => {
  assert.match(virtuals(), /-a -t 10\.96\.0\.6:80 -r 10\.244\.1\.11:8080 -m -w 0/);
  assert.match(await lab.ask('client', 'again', 'a', '10.96.0.6:80'), /^p1 /);
  assert.deepEqual(await lab.spread('client', '10.96.0.6:80', 2), ['far', 'p2']);
});

test('UDP flows move when their endpoint goes', async () => {
  assert.match(await lab.ask('p2', 'udp', '10.96.0.10:53', 5555), /^p2 /);
  assert.match(await lab.ask('client', 'udp', '192.168.77.1:30053', 5556), /^p2 /);
});

test('the first endpoint is served, the last one gone is not', async () => {
  assert.match(await lab.get('client', '192.168.77.1:30088'), /^far /);
  assert.equal(await lab.get('p1', '[fd00:96::1]:80'), 'refused');
});

test('terminating endpoints serve only while there is no ready one', async () => {
  assert.deepEqual(await lab.spread('node', '10.96.0.1:80', 2), ['p2']);
  assert.match(await lab.get('node', '10.96.0.7:80'), /^p1 /);
});

test('policies Local without an endpoint here: by an external address pods and the node go on', async () => {
  for (const from of ['node', 'p1'] as const) assert.match(await lab.get(from, '192.168.77.1:30081'), /^far /);
  assert.equal(await lab.get('node', '10.96.0.3:80'), 'refused');
});

test('source ranges without the node', async () => {
  assert.match(await lab.get('client', '192.0.2.78:80'), /^p\d /);
  assert.equal(await lab.get('node', '192.0.2.78:80', noAnswer), 'timeout');
});

test('what is read is what was written', () => isAsWritten());

test('third phase: a Service that cannot be programmed is reported and leaves the others working', async () => {
  problems = [];
  const bad = service('bad', '10.96.0.66', { ports: [{ name: 'http', port: 70000 }] });
  const thief = service('thief', '10.96.0.68', { externalIPs: ['192.0.2.77'] });
  proxy.setService(bad);
  proxy.setSlice(slice('bad', local2));
  // A group's address, which only the kernel objects to.
  proxy.setService(service('worse', '10.96.0.69'));
  proxy.setSlice(slice('worse', [endpoint('239.1.1.1', 'node2')]));
  proxy.setService(thief);
  proxy.setSlice(slice('thief', farOnly));
  proxy.setService(service('good', '10.96.0.67', nodePort(30067)));
  proxy.setSlice(slice('good', local2));
  proxy.removeService(service('loc', '10.96.0.2'));
  proxy.setService(lb('0.0.0.0/0'));
  proxy.setSlice(slice('grace', [p1, p2]));
  await synced();
  assert.match(await lab.get('node', '10.96.0.67:80'), /^p\d /);
  assert.match(problems.join('\n'), /^bad: cannot be programmed: 70000 is not a port/m);
  assert.match(problems.join('\n'), /^worse: cannot be programmed: ipvsadm -R: .*address not unicast/m);
  assert.match(problems.join('\n'), /^thief: cannot be programmed: 192\.0\.2\.77:80 is already used by default\/lb/m);
  assert.match(await lab.get('client', '192.0.2.77:80'), /^p\d /, 'who came first has it');
});

test('a deleted Service is gone', async () => {
  assert.equal(await lab.get('client', '192.168.77.1:30081'), 'refused');
  assert.doesNotMatch(virtuals(), /10\.96\.0\.2:|:30081/);
  assert.doesNotMatch(lab.run('ip', 'addr', 'show', 'kube-ipvs0'), /10\.96\.0\.2\//);
  assert.doesNotMatch(lab.run('ipset', 'save'), /10\.96\.0\.2,|30081/);
});

test('source ranges of everybody', async () => {
  assert.match(await lab.get('client', '192.0.2.78:80'), /^p\d /);
});

test('an endpoint that comes back serves again, one without connections goes at once', async () => {
  assert.deepEqual(await lab.spread('client', '10.96.0.6:80', 3), ['p1', 'p2']);
  // The client's connections with far are over, and count until they time out.
  const now = virtuals();
  assert.match(now, /-a -t 10\.96\.0\.6:80 -r 10\.244\.2\.11:8080 -m -w 0/);
  assert.match(now, /-a -t 10\.96\.0\.9:80 -r 10\.244\.1\.12:8080 -m -w 1/);
  assert.doesNotMatch(now, /-t 10\.96\.0\.9:80 -r 10\.244\.1\.11/);
});

test('what others take away is put back, and a new address of the node gets node ports', async () => {
  lab.run('ipvsadm', '-D', '-t', '10.96.0.67:80');
  lab.run('ip', 'addr', 'flush', 'dev', 'kube-ipvs0');
  lab.run('ipset', 'flush', 'KUBE-CLUSTER-IP');
  lab.run('ip', 'addr', 'add', '192.168.77.9/24', 'dev', 'client');
  await proxy.verify();
  await synced();
  assert.match(await lab.get('node', '10.96.0.67:80'), /^p\d /);
  assert.match(await lab.get('client', '192.168.77.9:30067'), /^p\d /);
  assert.match(lab.run('ipset', 'list', 'KUBE-CLUSTER-IP'), /10\.96\.0\.67,tcp:80/);
});

test('a restart takes over what is there: connections go on, the rest goes, others keep theirs', async () => {
  const good = () =>
    virtuals()
      .split('\n')
      .filter((l) => l.includes('10.96.0.67'));
  const before = good();
  assert.match(await lab.ask('client', 'again', 'b', '10.96.0.67:80'), /^p\d /);
  await end();
  assert.match(await lab.get('node', '10.96.0.67:80'), /^p\d /, 'Services stay while no proxy runs');
  await create('ipvs');
  proxy.setService(service('good', '10.96.0.67'));
  proxy.setSlice(slice('good', local2));
  running = proxy.run();
  await synced();
  assert.deepEqual(good(), before);
  assert.match(await lab.ask('client', 'again', 'b', '10.96.0.67:80'), /^p\d /);
  assert.doesNotMatch(virtuals(), /10\.96\.0\.(1|5|10):|:30080/, 'what is no longer wanted is gone');
  assert.match(virtuals(), /203\.0\.113\.1:80 -s wrr/, 'what is excluded stays');
  assert.equal(lab.run('ip', '-4', '-o', 'addr', 'show', 'kube-ipvs0').trim().split('\n').length, 1);
});

test('to iptables mode and back, with nothing left of the other', async () => {
  const to = async (mode: ProxyMode) => {
    await end();
    await create(mode);
    proxy.setService(service('good', '10.96.0.67'));
    proxy.setSlice(slice('good', local2));
    running = proxy.run();
    await synced();
  };
  await to('iptables');
  assert.match(await lab.get('client', '10.96.0.67:80'), /^p\d /);
  assert.doesNotMatch(lab.run('iptables-legacy-save'), /IPVS|kube-proxy firewall|KUBE-NODE-PORT|KUBE-LOAD-BALANCER/);
  assert.doesNotMatch(virtuals(), /10\.96\./);
  assert.doesNotMatch(lab.run('ipset', 'list', '-n'), /KUBE/);
  await to('ipvs');
  assert.match(await lab.get('client', '10.96.0.67:80'), /^p\d /);
  assert.doesNotMatch(lab.run('iptables-legacy-save'), /KUBE-SVC|KUBE-SEP|KUBE-EXTERNAL-SERVICES|KUBE-NODEPORTS/);
});

test('cleanup removes all of ours and nothing of others', async () => {
  await end();
  assert.ok((await cleanupKubeProxy({ ipvsExcludeCidrs: ['203.0.113.0/24'] })) > 0);
  for (const tool of ['iptables-legacy-save', 'ip6tables-legacy-save']) assert.doesNotMatch(lab.run(tool), /KUBE/);
  assert.equal(virtuals().trim(), '-A -t 203.0.113.1:80 -s wrr');
  assert.doesNotMatch(lab.run('ipset', 'list', '-n'), /KUBE/);
  assert.doesNotMatch(lab.run('ip', 'link'), /kube-ipvs0/);
});
