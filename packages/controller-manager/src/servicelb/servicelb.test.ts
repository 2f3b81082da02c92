import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Service } from '../framework/kinds.js';
import { addressesAnnotation, type Decision, decideFromNodes, decideFromPool } from './decide.js';
import { AddressPool, canonicalIp, type IpFamily } from './pool.js';
import { sharedIpAnnotation } from './sharing.js';

const service = (
  name: string,
  ips: string[] = [],
  spec: Partial<Service['spec']> = {},
  annotations: Record<string, string> = {},
): Service =>
  ({
    metadata: { name, namespace: 'default', annotations },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  }) as Service;
const node = (ip: string, ready = 'True', labels = {}, taints: { key: string; effect: string }[] = []): Node =>
  ({
    metadata: { name: ip, labels },
    spec: { taints },
    status: { addresses: [{ type: 'InternalIP', address: ip }], conditions: [{ type: 'Ready', status: ready }] },
  }) as Node;
const holding = (...services: Service[]) =>
  services.map((s) => ({ service: s, ips: (s.status?.loadBalancer?.ingress ?? []).map((i) => i.ip ?? '') }));
/** Addresses, or the problem. */
const said = (d: Decision) => ('problem' in d ? d.problem : d.ingress.map((i) => i.ip).join());

test('pools: CIDRs without network and broadcast address, ranges, single addresses, both families', () => {
  const pool = new AddressPool(['10.0.0.0/30', '10.1.0.9-10.1.0.10', '10.2.0.1', 'fd00::/126', 'fd00::ffff-fd00::1:0']);
  const all = (family: IpFamily) => {
    const found: string[] = [];
    pool.find(family, (ip) => {
      found.push(ip);
      return false;
    });
    return found;
  };
  assert.deepEqual(all('IPv4'), ['10.0.0.1', '10.0.0.2', '10.1.0.9', '10.1.0.10', '10.2.0.1']);
  assert.deepEqual(all('IPv6'), ['fd00::1', 'fd00::2', 'fd00::3', 'fd00::ffff', 'fd00::1:0']);
  assert.ok(pool.contains('10.0.0.2') && !pool.contains('10.0.0.3') && !pool.contains('fd00::5'));
  assert.ok(pool.contains('fd00:0:0::2'));
  for (const bad of [
    'x',
    '10.0.0.9-10.0.0.1',
    '10.0.0.0/4',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.1-fd00::1',
    'fd00::/129',
  ])
    assert.throws(() => new AddressPool([bad]), /not a range/, bad);
});

test('IPv6 addresses have one text (RFC 5952)', () => {
  const cases = [
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fd00::', 'fd00::'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['10:0:0:0:0:0:0:0', '10::'],
  ];
  for (const [ip = '', text = ''] of cases) assert.equal(canonicalIp(ip), text);
});

test('a Service keeps its address, gets what it asks for, or the first free one', () => {
  const pool = new AddressPool(['10.0.0.1-10.0.0.3']);
  const decide = (s: Service, ...others: Service[]) => said(decideFromPool(s, holding(...others), pool));
  assert.equal(decide(service('a', ['10.0.0.2'])), '10.0.0.2');
  assert.equal(decide(service('a', ['10.9.9.9'])), '10.0.0.1', 'not of the pool any more');
  assert.equal(decide(service('a'), service('b', ['10.0.0.1'])), '10.0.0.2');
  const asking = service('a', [], { loadBalancerIP: '10.0.0.3' });
  assert.equal(decide(asking), '10.0.0.3');
  assert.match(decide(asking, service('b', ['10.0.0.3'])), /10\.0\.0\.3 is in use by Service default\/b/);
  assert.match(decide(service('a', [], { loadBalancerIP: '9.9.9.9' })), /not in the pool/);
  assert.match(decide(service('a'), service('b', ['10.0.0.1', '10.0.0.2', '10.0.0.3'])), /no IPv4 address is left/);
});

test('families: one or two, required or preferred', () => {
  const both = new AddressPool(['10.0.0.1-10.0.0.3', 'fd00::1-fd00::3']);
  const four = new AddressPool(['10.0.0.1']);
  const dual = (ipFamilyPolicy: string, ipFamilies = ['IPv6', 'IPv4']) =>
    service('a', [], { ipFamilies, ipFamilyPolicy });
  assert.equal(said(decideFromPool(dual('RequireDualStack'), [], both)), 'fd00::1,10.0.0.1');
  assert.equal(said(decideFromPool(dual('PreferDualStack'), [], four)), '10.0.0.1');
  assert.match(said(decideFromPool(dual('RequireDualStack'), [], four)), /pool has no IPv6 addresses/);
  assert.match(said(decideFromPool(dual('SingleStack', ['IPv6']), [], four)), /pool has no IPv6 addresses/);
  assert.match(said(decideFromPool(dual('PreferDualStack', ['IPv6']), [], four)), /pool has no IPv6 addresses/);
  const asking = (ips: string) =>
    said(
      decideFromPool(
        service(
          'a',
          [],
          { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack' },
          { [addressesAnnotation]: ips },
        ),
        [],
        both,
      ),
    );
  assert.equal(asking('fd00:0::2, 10.0.0.2'), '10.0.0.2,fd00::2');
  assert.equal(asking('10.0.0.3'), '10.0.0.3,fd00::1');
  assert.match(asking('10.0.0.2,10.0.0.3'), /more than one IPv4/);
  assert.match(asking('here'), /no IP address/);
  const twice = service('a', [], { loadBalancerIP: '10.0.0.1' }, { [addressesAnnotation]: '10.0.0.1' });
  assert.match(said(decideFromPool(twice, [], both)), /exclude each other/);
  const other = service('a', [], { ipFamilies: ['IPv4'], loadBalancerIP: 'fd00::1' });
  assert.match(said(decideFromPool(other, [], both)), /of no family of the Service/);
});

test('one address for several Services: same key, other ports, same policy', () => {
  const pool = new AddressPool(['10.0.0.1-10.0.0.3']);
  const key = { [sharedIpAnnotation]: 'k' };
  const tcp80 = service('b', ['10.0.0.2'], {}, key);
  const decide = (spec: Partial<Service['spec']>, annotations = key, other = tcp80) =>
    said(decideFromPool(service('a', [], spec, annotations), holding(other), pool));
  assert.equal(decide({ ports: [{ port: 81 }] }), '10.0.0.2');
  assert.equal(decide({ ports: [{ port: 80, protocol: 'UDP' }] }), '10.0.0.2');
  assert.equal(decide({}), '10.0.0.1', 'the same port');
  assert.equal(decide({ ports: [{ port: 81 }] }, { [sharedIpAnnotation]: 'other' }), '10.0.0.1');
  assert.match(decide({ ports: [{ port: 80 }], loadBalancerIP: '10.0.0.2' }), /in use by Service default\/b/);
  assert.equal(decide({ ports: [{ port: 81 }], externalTrafficPolicy: 'Local' }), '10.0.0.1', 'another policy');
  const local = { externalTrafficPolicy: 'Local', selector: { app: 'x' } };
  const localB = service('b', ['10.0.0.2'], local, key);
  assert.equal(decide({ ports: [{ port: 81 }], ...local }, key, localB), '10.0.0.2');
  assert.equal(decide({ ports: [{ port: 81 }], ...local, selector: { app: 'y' } }, key, localB), '10.0.0.1');
  // A third must get on with both.
  const both = holding(tcp80, service('c', ['10.0.0.2'], { ports: [{ port: 81 }] }, key));
  assert.equal(said(decideFromPool(service('a', [], { ports: [{ port: 81 }] }, key), both, pool)), '10.0.0.1');
  // Shared no longer: who looks first moves.
  assert.equal(said(decideFromPool(service('a', ['10.0.0.2']), holding(tcp80), pool)), '10.0.0.1');
});

test('without a pool: the nodes that may take traffic, unless a port is taken', () => {
  const nodes = [
    node('10.9.0.2'),
    node('10.9.0.1'),
    node('10.9.0.3', 'Unknown'),
    node('10.9.0.4', 'True', { 'node.kubernetes.io/exclude-from-external-load-balancers': '' }),
    node('10.9.0.5', 'True', {}, [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }]),
    node('fd00::9'),
  ];
  const decide = (s: Service, ...others: Service[]) => decideFromNodes(s, holding(...others), nodes);
  assert.deepEqual(decide(service('a')), {
    ingress: [
      { ip: '10.9.0.1', ipMode: 'VIP' },
      { ip: '10.9.0.2', ipMode: 'VIP' },
    ],
  });
  assert.equal(said(decide(service('a', [], { ipFamilies: ['IPv4', 'IPv6'] }))), '10.9.0.1,10.9.0.2,fd00::9');
  assert.match(said(decide(service('a'), service('b', ['10.9.0.1']))), /in use by Service default\/b/);
  assert.match(said(decide(service('a', [], { ports: [{ port: 6443 }] }))), /used by the nodes/);
  assert.equal(said(decideFromNodes(service('a'), [], [])), '');
});
