import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Endpoint, V1ServiceSpec } from '@kubelab/api';
import { categorize } from '../model/categorize.js';
import { portEndpoints } from '../model/endpoints.js';
import { servicePorts } from '../model/service.js';
import { endpoint, service, slice } from '../testing/objects.js';
import type { RuleForm } from './form.js';
import type { RuleOptions } from './options.js';
import { type ServiceRules, serviceRules } from './service-rules.js';

const options: RuleOptions = {
  family: 'ipv4',
  clusterCidr: '10.244.0.0/16',
  masqueradeAll: false,
  masqueradeMark: '0x4000',
  masqueradeRandomFully: true,
  localhostNodePorts: true,
  nodePortAddresses: undefined,
  nodeIP: '192.168.0.2',
};

function rulesOf(
  spec: Partial<V1ServiceSpec>,
  endpoints: V1Endpoint[],
  o = options,
  status?: object,
  form?: RuleForm,
): ServiceRules {
  const s = service('svc', '10.96.0.41', spec, status as never);
  const [port] = servicePorts(s, 'ipv4', (_s, message) => assert.fail(message));
  assert.ok(port);
  const all = portEndpoints([slice('svc', endpoints)], port, 'ipv4', 'node1');
  return serviceRules(port, categorize(all, port, { nodeName: 'node1', zone: 'z1' }), o, form);
}

/** Chains and entries as text, hashes replaced by what they stand for. */
function text(r: ServiceRules): string[] {
  const lines = [
    ...Object.entries(r.entries).flatMap(([where, list]) => list.map((l) => `${where}: ${l}`)),
    ...[...r.chains].flatMap(([name, list]) => list.map((l) => `${name}: ${l}`)),
  ];
  return lines.map((l) =>
    l.replace(/(KUBE-(?:SVC|SVL|EXT|FW))-[A-Z2-7]{16}/g, '$1').replace(/KUBE-SEP-[A-Z2-7]{16}/g, 'KUBE-SEP'),
  );
}

const two = [endpoint('10.244.1.1', 'node1'), endpoint('10.244.2.1', 'node2')];

test('a cluster IP with two endpoints', () => {
  assert.deepEqual(text(rulesOf({}, two)), [
    'natServices: -d 10.96.0.41 -p tcp -m comment --comment "default/svc:http cluster IP" -m tcp --dport 80 -j KUBE-SVC',
    'KUBE-SVC: ! -s 10.244.0.0/16 -d 10.96.0.41 -p tcp -m comment --comment "default/svc:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ',
    'KUBE-SVC: -m comment --comment "default/svc:http -> 10.244.1.1:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP',
    'KUBE-SVC: -m comment --comment "default/svc:http -> 10.244.2.1:8080" -j KUBE-SEP',
    'KUBE-SEP: -s 10.244.1.1 -m comment --comment default/svc:http -j KUBE-MARK-MASQ',
    'KUBE-SEP: -p tcp -m comment --comment default/svc:http -m tcp -j DNAT --to-destination 10.244.1.1:8080',
    'KUBE-SEP: -s 10.244.2.1 -m comment --comment default/svc:http -j KUBE-MARK-MASQ',
    'KUBE-SEP: -p tcp -m comment --comment default/svc:http -m tcp -j DNAT --to-destination 10.244.2.1:8080',
  ]);
});

test('in a large cluster endpoints have no comments, in a very large one Services neither', () => {
  assert.deepEqual(text(rulesOf({}, two, options, undefined, 'large')), [
    'natServices: -d 10.96.0.41 -p tcp -m comment --comment "default/svc:http cluster IP" -m tcp --dport 80 -j KUBE-SVC',
    'KUBE-SVC: ! -s 10.244.0.0/16 -d 10.96.0.41 -p tcp -m comment --comment "default/svc:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ',
    'KUBE-SVC: -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP',
    'KUBE-SVC: -j KUBE-SEP',
    'KUBE-SEP: -s 10.244.1.1 -j KUBE-MARK-MASQ',
    'KUBE-SEP: -p tcp -m tcp -j DNAT --to-destination 10.244.1.1:8080',
    'KUBE-SEP: -s 10.244.2.1 -j KUBE-MARK-MASQ',
    'KUBE-SEP: -p tcp -m tcp -j DNAT --to-destination 10.244.2.1:8080',
  ]);
  const node = { type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30001 }] };
  assert.deepEqual(text(rulesOf(node, two.slice(1), options, undefined, 'compact')), [
    'natServices: -d 10.96.0.41 -p tcp -m tcp --dport 80 -j KUBE-SVC',
    'natNodePorts: -p tcp -m tcp --dport 30001 -j KUBE-EXT',
    'KUBE-SVC: ! -s 10.244.0.0/16 -d 10.96.0.41 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ',
    'KUBE-SVC: -j KUBE-SEP',
    'KUBE-EXT: -j KUBE-MARK-MASQ',
    'KUBE-EXT: -j KUBE-SVC',
    'KUBE-SEP: -s 10.244.2.1 -j KUBE-MARK-MASQ',
    'KUBE-SEP: -p tcp -j DNAT --to-destination 10.244.2.1:8080',
  ]);
  const refused = (form: RuleForm) => text(rulesOf(node, [], options, undefined, form));
  assert.deepEqual(refused('compact'), refused('full'), 'refusals are few and keep their comments');
});

test('masquerade-all masks every client', () => {
  const lines = text(rulesOf({}, two, { ...options, masqueradeAll: true }));
  assert.match(lines[1] ?? '', /^KUBE-SVC: -d 10\.96\.0\.41 .* -j KUBE-MARK-MASQ$/);
});

test('a node port without endpoints is refused', () => {
  const lines = text(rulesOf({ type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30001 }] }, []));
  assert.deepEqual(lines, [
    'filterServices: -d 10.96.0.41 -p tcp -m comment --comment "default/svc:http has no endpoints" -m tcp --dport 80 -j REJECT',
    'filterExternal: -p tcp -m comment --comment "default/svc:http has no endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 30001 -j REJECT',
  ]);
});

test('external policy Local: pods and the node itself are short-circuited, the rest stays or is dropped', () => {
  const spec = {
    type: 'NodePort',
    externalTrafficPolicy: 'Local',
    ports: [{ name: 'http', port: 80, nodePort: 30001 }],
  };
  const withLocal = text(rulesOf(spec, two)).filter((l) => l.startsWith('KUBE-EXT'));
  assert.deepEqual(withLocal, [
    'KUBE-EXT: -s 10.244.0.0/16 -m comment --comment "pod traffic for default/svc:http external destinations" -j KUBE-SVC',
    'KUBE-EXT: -m comment --comment "masquerade LOCAL traffic for default/svc:http external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
    'KUBE-EXT: -m comment --comment "route LOCAL traffic for default/svc:http external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC',
    'KUBE-EXT: -j KUBE-SVL',
  ]);
  const without = text(rulesOf(spec, [endpoint('10.244.2.1', 'node2')]));
  assert.ok(
    without.some(
      (l) => l.startsWith('filterExternal:') && l.includes('has no local endpoints') && l.endsWith('-j DROP'),
    ),
  );
  assert.ok(!without.some((l) => l.endsWith('-j KUBE-SVL')));
});

test('source ranges of a load balancer, with the node itself inside', () => {
  const lines = text(
    rulesOf(
      { type: 'LoadBalancer', loadBalancerSourceRanges: [' 192.168.0.0/24'], ports: [{ name: 'http', port: 80 }] },
      two,
      options,
      {
        loadBalancer: { ingress: [{ ip: '1.2.3.4' }, { ip: '1.2.3.5', ipMode: 'Proxy' }] },
      },
    ),
  );
  assert.deepEqual(
    lines.filter((l) => l.startsWith('KUBE-FW')),
    [
      'KUBE-FW: -s 192.168.0.0/24 -m comment --comment "default/svc:http loadbalancer IP" -j KUBE-EXT',
      'KUBE-FW: -s 1.2.3.4 -m comment --comment "default/svc:http loadbalancer IP" -j KUBE-EXT',
      'KUBE-FW: -m comment --comment "other traffic to default/svc:http will be dropped by KUBE-PROXY-FIREWALL"',
    ],
  );
  assert.ok(lines.some((l) => l.startsWith('filterFirewall: -d 1.2.3.4') && l.endsWith('-j DROP')));
  assert.ok(!lines.some((l) => l.includes('1.2.3.5')), 'ipMode Proxy is left to the load balancer');
});

test('session affinity', () => {
  const lines = text(rulesOf({ sessionAffinity: 'ClientIP' }, [two[0] as V1Endpoint]));
  assert.ok(
    lines.some((l) => /^KUBE-SVC: .*-m recent --name KUBE-SEP --rcheck --seconds 10800 --reap -j KUBE-SEP$/.test(l)),
  );
  assert.ok(lines.some((l) => /^KUBE-SEP: .*-m recent --name KUBE-SEP --set -m tcp -j DNAT/.test(l)));
});

test('hints: endpoints of the zone, if all have hints; terminating ones only without ready ones', () => {
  const hinted = (ip: string, zone: string) => endpoint(ip, 'node2', { hints: { forZones: [{ name: zone }] } });
  const used = (list: V1Endpoint[]) =>
    text(rulesOf({}, list))
      .filter((l) => l.includes(' -> '))
      .map((l) => l.match(/-> ([\d.]+)/)?.[1]);
  assert.deepEqual(used([hinted('10.244.1.1', 'z1'), hinted('10.244.1.2', 'z2')]), ['10.244.1.1']);
  assert.deepEqual(used([hinted('10.244.1.1', 'z1'), endpoint('10.244.1.2', 'node2')]), ['10.244.1.1', '10.244.1.2']);
  assert.deepEqual(used([hinted('10.244.1.2', 'z2')]), ['10.244.1.2']);
  const going = endpoint('10.244.1.9', 'node1', { conditions: { ready: false, serving: true, terminating: true } });
  assert.deepEqual(used([going, ...two]), ['10.244.1.1', '10.244.2.1']);
  assert.deepEqual(used([going]), ['10.244.1.9']);
});

test('headless Services, external names and those of other proxies have no rules', () => {
  const none = (spec: Partial<V1ServiceSpec>) =>
    assert.deepEqual(
      servicePorts(service('s', spec.clusterIP ?? '10.96.0.1', spec), 'ipv4', () => undefined),
      [],
    );
  none({ clusterIP: 'None', clusterIPs: ['None'] });
  none({ type: 'ExternalName', externalName: 'x' });
  const labelled = service('s', '10.96.0.1');
  labelled.metadata = { ...labelled.metadata, labels: { 'service.kubernetes.io/service-proxy-name': 'x' } };
  assert.deepEqual(
    servicePorts(labelled, 'ipv4', () => undefined),
    [],
  );
});
