import assert from 'node:assert/strict';
import test from 'node:test';
import type { V1Endpoint, V1EndpointSlice } from '@kubelab/api';
import type { EndpointSlice } from '../framework/kinds.js';
import { type EndpointGroup, planSlices } from './reconcile-slices.js';

const ports = [{ name: '', port: 80, protocol: 'TCP' }];
const metadata = { labels: { a: 'b' }, annotations: {} };
const endpoint = (n: number, ready = true): V1Endpoint => ({ addresses: [`10.0.0.${n}`], conditions: { ready } });
const endpoints = (from: number, to: number): V1Endpoint[] =>
  Array.from({ length: to - from + 1 }, (_, i) => endpoint(from + i));

function slice(name: string, list: V1Endpoint[]): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'ns', uid: name, resourceVersion: '1', creationTimestamp: '', labels: { a: 'b' } },
    addressType: 'IPv4',
    ports,
    endpoints: list,
  };
}

const group = (list: V1Endpoint[]): EndpointGroup => ({ addressType: 'IPv4', ports, endpoints: list });
const newSlice = (g: EndpointGroup, list: V1Endpoint[]): V1EndpointSlice => ({
  metadata,
  addressType: g.addressType,
  ports: g.ports,
  endpoints: list,
});

test('the fewest writes for each change', () => {
  const cases: { name: string; existing: EndpointSlice[]; wanted: V1Endpoint[]; writes: [number, number, number] }[] = [
    { name: 'nothing changed', existing: [slice('s', endpoints(1, 3))], wanted: endpoints(1, 3), writes: [0, 0, 0] },
    { name: 'first endpoints', existing: [], wanted: endpoints(1, 3), writes: [1, 0, 0] },
    { name: 'none at all', existing: [], wanted: [], writes: [1, 0, 0] },
    {
      name: 'one became unready',
      existing: [slice('s', endpoints(1, 3))],
      wanted: [endpoint(1, false), ...endpoints(2, 3)],
      writes: [0, 1, 0],
    },
    { name: 'one more fits', existing: [slice('s', endpoints(1, 3))], wanted: endpoints(1, 4), writes: [0, 1, 0] },
    { name: 'more than a slice', existing: [slice('s', endpoints(1, 5))], wanted: endpoints(1, 12), writes: [2, 0, 0] },
    { name: 'the last went', existing: [slice('s', endpoints(1, 1))], wanted: [], writes: [0, 1, 0] },
    {
      name: 'a slice ran empty',
      existing: [slice('s', endpoints(1, 2)), slice('t', endpoints(3, 4))],
      wanted: endpoints(1, 2),
      writes: [0, 0, 1],
    },
  ];
  for (const { name, existing, wanted, writes } of cases) {
    const plan = planSlices(existing, [group(wanted)], metadata, 5, newSlice);
    assert.deepEqual([plan.create.length, plan.update.length, plan.delete.length], writes, name);
    const untouched = existing.filter(
      (s) => !plan.delete.includes(s) && !plan.update.some((u) => u.metadata.uid === s.metadata.uid),
    );
    const held = [...plan.create, ...plan.update, ...untouched].flatMap((s) => s.endpoints ?? []);
    assert.deepEqual(held.map((e) => e.addresses[0]).sort(), wanted.map((e) => e.addresses[0]).sort(), name);
    for (const s of [...plan.create, ...plan.update]) assert.ok((s.endpoints ?? []).length <= 5, name);
  }
});

test('changed ports reuse the old slice', () => {
  const other = { ...group(endpoints(1, 2)), ports: [{ name: '', port: 81, protocol: 'TCP' }] };
  const plan = planSlices([slice('s', endpoints(1, 2))], [other], metadata, 5, newSlice);
  assert.deepEqual([plan.create.length, plan.update.length, plan.delete.length], [0, 1, 0]);
  assert.equal(plan.update[0]?.ports?.[0]?.port, 81);
});
