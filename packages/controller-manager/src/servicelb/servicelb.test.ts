import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Service } from '../framework/kinds.js';
import { decideFromNodes, decideFromPool } from './decide.js';
import { AddressPool } from './pool.js';

const service = (name: string, ips: string[] = [], spec: Partial<Service['spec']> = {}): Service =>
  ({
    metadata: { name, namespace: 'default' },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  }) as Service;
const node = (ip: string, ready = 'True'): Node =>
  ({
    metadata: { name: ip },
    status: { addresses: [{ type: 'InternalIP', address: ip }], conditions: [{ type: 'Ready', status: ready }] },
  }) as Node;

test('pools: CIDRs without network and broadcast address, ranges, single addresses', () => {
  const pool = new AddressPool(['10.0.0.0/30', '10.1.0.9-10.1.0.10', '10.2.0.1']);
  const all: string[] = [];
  pool.find((ip) => {
    all.push(ip);
    return false;
  });
  assert.deepEqual(all, ['10.0.0.1', '10.0.0.2', '10.1.0.9', '10.1.0.10', '10.2.0.1']);
  assert.ok(pool.contains('10.0.0.2') && !pool.contains('10.0.0.3') && !pool.contains('fd00::1'));
  for (const bad of ['x', '10.0.0.9-10.0.0.1', '10.0.0.0/4', '10.0.0.0/33'])
    assert.throws(() => new AddressPool([bad]));
});

test('a Service keeps its address, gets what it asks for, or the first free one', () => {
  const pool = new AddressPool(['10.0.0.1-10.0.0.3']);
  const none = new Set<string>();
  assert.deepEqual(decideFromPool(service('a', ['10.0.0.2']), [], pool, none), { ingress: [{ ip: '10.0.0.2' }] });
  assert.deepEqual(decideFromPool(service('a'), [service('b', ['10.0.0.1'])], pool, none), {
    ingress: [{ ip: '10.0.0.2' }],
  });
  assert.deepEqual(decideFromPool(service('a'), [], pool, new Set(['10.0.0.1', '10.0.0.2'])), {
    ingress: [{ ip: '10.0.0.3' }],
  });
  const asking = service('a', [], { loadBalancerIP: '10.0.0.3' });
  assert.deepEqual(decideFromPool(asking, [], pool, none), { ingress: [{ ip: '10.0.0.3' }] });
  assert.match(JSON.stringify(decideFromPool(asking, [service('b', ['10.0.0.3'])], pool, none)), /is in use/);
  assert.match(
    JSON.stringify(decideFromPool(service('a', [], { loadBalancerIP: '9.9.9.9' }), [], pool, none)),
    /not in the pool/,
  );
  const full = [service('b', ['10.0.0.1', '10.0.0.2', '10.0.0.3'])];
  assert.match(JSON.stringify(decideFromPool(service('a'), full, pool, none)), /no address is left/);
});

test('without a pool: the ready nodes, unless a port is taken', () => {
  const nodes = [node('10.9.0.2'), node('10.9.0.1'), node('10.9.0.3', 'Unknown')];
  assert.deepEqual(decideFromNodes(service('a'), [], nodes), { ingress: [{ ip: '10.9.0.1' }, { ip: '10.9.0.2' }] });
  assert.match(
    JSON.stringify(decideFromNodes(service('a'), [service('b', ['10.9.0.1'])], nodes)),
    /in use by Service default\/b/,
  );
  assert.match(
    JSON.stringify(decideFromNodes(service('a', [], { ports: [{ port: 6443 }] }), [], nodes)),
    /used by the nodes/,
  );
  assert.match(JSON.stringify(decideFromNodes(service('a'), [], [])), /no node is ready/);
});
