import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Endpoint, V1ServiceSpec } from '@kubelab/api';
import { Claims } from '../claims.js';
import { categorize } from '../model/categorize.js';
import { portEndpoints } from '../model/endpoints.js';
import { servicePorts } from '../model/service.js';
import { endpoint, service, slice } from '../testing/objects.js';
import { invalid, type PartOptions, type ServicePart, servicePart } from './service-part.js';

const options: PartOptions = {
  family: 'ipv4',
  clusterCidr: '10.244.0.0/16',
  masqueradeAll: false,
  masqueradeMark: '0x4000',
  masqueradeRandomFully: true,
  localhostNodePorts: false,
  nodePortAddresses: undefined,
  nodeIP: '192.168.0.2',
  scheduler: 'rr',
  nodeAddresses: new Set(['192.168.0.2', '172.17.0.1']),
};

function inputs(spec: Partial<V1ServiceSpec>, endpoints: V1Endpoint[], ingress: { ip: string }[] = []) {
  const s = service('svc', '10.96.0.41', spec, { loadBalancer: { ingress } });
  const [port] = servicePorts(s, 'ipv4', (_s, message) => assert.fail(message));
  assert.ok(port);
  const protocol = (spec.ports?.[0]?.protocol ?? 'TCP') as 'TCP';
  const all = portEndpoints([slice('svc', endpoints, [{ name: 'http', port: 8080, protocol }])], port, 'ipv4', 'node1');
  return { port, endpoints: categorize(all, port, { nodeName: 'node1', zone: undefined }) };
}
function partOf(spec: Partial<V1ServiceSpec>, endpoints: V1Endpoint[], o = options, ingress?: { ip: string }[]) {
  const { port, endpoints: e } = inputs(spec, endpoints, ingress);
  return servicePart(port, e, o);
}
const reals = (p: ServicePart) => Object.fromEntries([...p.virtuals].map(([key, v]) => [key, [...v.reals].sort()]));

const near = endpoint('10.244.1.1', 'node1');
const far = endpoint('10.244.2.1', 'node2');
const port = (extra: object = {}) => ({ ports: [{ name: 'http', port: 80, ...extra }] });

test('a cluster IP', () => {
  const part = partOf({}, [near, far]);
  assert.deepEqual(reals(part), { '-t 10.96.0.41:80': ['10.244.1.1:8080', '10.244.2.1:8080'] });
  assert.deepEqual([...part.addresses], ['10.96.0.41']);
  assert.deepEqual([...part.members].sort(), [
    'KUBE-CLUSTER-IP 10.96.0.41,tcp:80',
    'KUBE-IPVS-IPS 10.96.0.41',
    'KUBE-LOOP-BACK 10.244.1.1,tcp:8080,10.244.1.1',
  ]);
});

test('scheduler and affinity', () => {
  const optionsOf = (o: PartOptions, spec: Partial<V1ServiceSpec>) =>
    [...partOf(spec, [near], o).virtuals.values()][0]?.options;
  assert.equal(optionsOf(options, { sessionAffinity: 'ClientIP' }), '-s rr -p 10800');
  assert.equal(optionsOf({ ...options, scheduler: 'mh' }, {}), '-s mh -b mh-port');
});

test('node ports answer on all addresses of the node, or on those chosen that it has', () => {
  const spec = { type: 'NodePort', externalTrafficPolicy: 'Local', ...port({ nodePort: 30001 }) };
  const part = partOf(spec, [near, far]);
  assert.deepEqual(reals(part), {
    '-t 10.96.0.41:80': ['10.244.1.1:8080', '10.244.2.1:8080'],
    '-t 192.168.0.2:30001': ['10.244.1.1:8080'],
    '-t 172.17.0.1:30001': ['10.244.1.1:8080'],
  });
  assert.ok(part.members.has('KUBE-NODE-PORT-TCP 30001') && part.members.has('KUBE-NODE-PORT-LOCAL-TCP 30001'));
  assert.ok(![...part.addresses].includes('192.168.0.2'));
  const chosen = partOf(spec, [near], { ...options, nodePortAddresses: ['192.168.0.2', '192.168.0.99'] });
  assert.deepEqual(Object.keys(reals(chosen)), ['-t 10.96.0.41:80', '-t 192.168.0.2:30001']);
  const none = partOf(spec, [near], { ...options, nodePortAddresses: [] });
  assert.ok(![...none.members].some((m) => m.includes('NODE-PORT')));
});

test('SCTP node ports are matched together with the address', () => {
  const part = partOf({ type: 'NodePort', ...port({ nodePort: 30001, protocol: 'SCTP' }) }, [far]);
  assert.ok(part.virtuals.has('--sctp-service 192.168.0.2:30001'));
  assert.ok(part.members.has('KUBE-NODE-PORT-SCTP-HASH 172.17.0.1,sctp:30001'));
});

test('policies Local: the cluster IP stays here, external traffic falls back to the others', () => {
  const spec = {
    type: 'LoadBalancer',
    internalTrafficPolicy: 'Local',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 32000,
    externalIPs: ['192.168.0.2'],
    ...port(),
  };
  const part = partOf(spec, [far], options, [{ ip: '1.2.3.4' }]);
  assert.deepEqual(reals(part), {
    '-t 10.96.0.41:80': [],
    '-t 192.168.0.2:80': ['10.244.2.1:8080'],
    '-t 1.2.3.4:80': ['10.244.2.1:8080'],
  });
  assert.deepEqual([...part.addresses], ['10.96.0.41', '1.2.3.4'], "the node's own address is not bound");
  for (const m of [
    'KUBE-EXTERNAL-IP-LOCAL 192.168.0.2,tcp:80',
    'KUBE-LOAD-BALANCER 1.2.3.4,tcp:80',
    'KUBE-LOAD-BALANCER-LOCAL 1.2.3.4,tcp:80',
    'KUBE-HEALTH-CHECK-NODE-PORT 32000',
  ])
    assert.ok(part.members.has(m), m);
});

test('source ranges, with and without the node', () => {
  const lb = (...loadBalancerSourceRanges: string[]) =>
    partOf({ type: 'LoadBalancer', loadBalancerSourceRanges, ...port() }, [near], options, [{ ip: '1.2.3.4' }]);
  const inside = lb('192.168.0.7/24');
  assert.deepEqual([...inside.members].filter((m) => /FW|SOURCE/.test(m)).sort(), [
    'KUBE-LOAD-BALANCER-FW 1.2.3.4,tcp:80',
    'KUBE-LOAD-BALANCER-SOURCE-CIDR 1.2.3.4,tcp:80,192.168.0.0/24',
    'KUBE-LOAD-BALANCER-SOURCE-IP 1.2.3.4,tcp:80,1.2.3.4',
  ]);
  assert.deepEqual(inside.outFilter, []);
  assert.deepEqual(lb('10.0.0.0/8').outFilter, ['-s 1.2.3.4 -m ipvs --vproto 6 --vaddr 1.2.3.4 --vport 80 -j DROP']);
});

test('what the kernel would refuse is told', () => {
  const of = (spec: Partial<V1ServiceSpec>, endpoints: V1Endpoint[] = []) => {
    const i = inputs(spec, endpoints);
    return invalid(i.port, i.endpoints);
  };
  assert.equal(of({}, [near]), undefined);
  assert.equal(of({ ports: [{ name: 'http', port: 70000 }] }), '70000 is not a port');
  assert.match(of({}, [endpoint('nowhere', 'node1')]) ?? '', /nowhere/);
});

test('of two that want the same, the first has it until it goes', () => {
  const touched: string[] = [];
  const claims = new Claims<string>((key, owner) => touched.push(`${key} by ${owner}`));
  claims.update('a', undefined, new Map([['x', '1']]));
  claims.update('b', undefined, new Map([['x', '2']]));
  assert.deepEqual([claims.get('x'), claims.owner('x')], ['1', 'a']);
  claims.update('a', new Map([['x', '1']]), undefined);
  assert.deepEqual([claims.get('x'), claims.owner('x')], ['2', 'b']);
  claims.update('b', new Map([['x', '2']]), undefined);
  assert.deepEqual([claims.get('x'), claims.size], [undefined, 0]);
  assert.deepEqual(touched, ['x by a', 'x by b', 'x by a', 'x by b']);
});
