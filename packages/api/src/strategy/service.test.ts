import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Service, V1ServiceSpec } from '../generated/types.js';
import { keepServiceAllocations } from './service.js';

function updated(was: V1ServiceSpec, now: V1ServiceSpec): V1Service {
  const service: V1Service = { spec: now, status: { loadBalancer: { ingress: [{ ip: '10.0.0.9' }] } } };
  keepServiceAllocations(service, { spec: was });
  return service;
}
const addresses = { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'], ipFamilies: ['IPv4'] };
const nodePort: V1ServiceSpec = {
  ...addresses,
  type: 'NodePort',
  externalTrafficPolicy: 'Cluster',
  ports: [{ port: 80, protocol: 'TCP', nodePort: 30080 }],
};

test('what the server had given stays in an update that leaves it out', () => {
  const { spec } = updated(nodePort, { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP' }] });
  assert.deepEqual(spec, { ...addresses, type: 'NodePort', ports: [{ port: 80, protocol: 'TCP', nodePort: 30080 }] });
});

test('node ports stay with the name of their port', () => {
  const named = (ports: V1ServiceSpec['ports']): V1ServiceSpec => ({ ...nodePort, ports });
  const was = named([
    { name: 'a', port: 80, protocol: 'TCP', nodePort: 30080 },
    { name: 'b', port: 81, protocol: 'TCP', nodePort: 30081 },
  ]);
  const { spec } = updated(
    was,
    named([
      { name: 'b', port: 80, protocol: 'UDP' },
      { name: 'c', port: 81, protocol: 'TCP' },
      { name: 'a', port: 82, protocol: 'TCP', nodePort: 30082 },
    ]),
  );
  assert.deepEqual(
    spec?.ports?.map((p) => p.nodePort),
    [30081, undefined, 30082],
  );
});

test('what belonged to the old type goes with it', () => {
  for (const type of ['ClusterIP', 'ExternalName']) {
    const { spec } = updated(nodePort, { ...nodePort, type, ports: [{ port: 80, protocol: 'TCP', nodePort: 30080 }] });
    assert.equal(spec?.externalTrafficPolicy, undefined, type);
    assert.equal(spec?.ports?.[0]?.nodePort, undefined, type);
  }
  const external = updated(nodePort, { ...nodePort, type: 'ClusterIP', externalIPs: ['192.0.2.1'] });
  assert.equal(external.spec?.externalTrafficPolicy, 'Cluster', 'still reached from outside');
  const loadBalancer: V1ServiceSpec = {
    ...nodePort,
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 31000,
    allocateLoadBalancerNodePorts: true,
    loadBalancerClass: 'example.com/x',
  };
  const { spec, status } = updated(loadBalancer, { ...loadBalancer, type: 'ExternalName' });
  for (const key of [
    'externalTrafficPolicy',
    'healthCheckNodePort',
    'allocateLoadBalancerNodePorts',
    'loadBalancerClass',
  ]) {
    assert.equal(key in (spec ?? {}), false, key);
  }
  assert.deepEqual(status, { loadBalancer: {} });
});

test('what the update itself sets stays, for validation to judge', () => {
  const { spec } = updated(nodePort, { ...nodePort, type: 'ClusterIP', externalTrafficPolicy: 'Local' });
  assert.equal(spec?.externalTrafficPolicy, 'Local');
});
