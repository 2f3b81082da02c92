import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Endpoint } from '@kubelab/api';
import type { Service } from '../framework/kinds.js';
import { hintOwnPlace, hintsMode } from './hints.js';

const mode = 'service.kubernetes.io/topology-mode';
const hints = 'service.kubernetes.io/topology-aware-hints';

test('the annotations win over trafficDistribution, the older one over the newer', () => {
  const cases = [
    [undefined, {}, 'none'],
    ['PreferClose', {}, 'same-zone'],
    ['PreferSameZone', {}, 'same-zone'],
    ['PreferSameNode', {}, 'same-node'],
    ['PreferSameNode', { [mode]: 'Auto' }, 'auto'],
    ['PreferSameNode', { [mode]: 'Disabled' }, 'same-node'],
    [undefined, { [hints]: 'auto' }, 'auto'],
    [undefined, { [hints]: 'Disabled', [mode]: 'Auto' }, 'none'],
  ] as const;
  for (const [trafficDistribution, annotations, expected] of cases) {
    const service = { metadata: { name: 's', annotations }, spec: { trafficDistribution } } as unknown as Service;
    assert.equal(hintsMode(service), expected, JSON.stringify([trafficDistribution, annotations]));
  }
});

test('ready endpoints get hints for their own zone and node, as far as these are known', () => {
  const endpoint = (ready: boolean, zone?: string): V1Endpoint => ({
    addresses: ['10.0.0.1'],
    conditions: { ready },
    nodeName: 'n1',
    ...(zone && { zone }),
  });
  const endpoints = [endpoint(true, 'a'), endpoint(false, 'a'), endpoint(true)];
  const forZones = [{ name: 'a' }];
  const forNodes = [{ name: 'n1' }];
  const hinted = (withNode: boolean) => hintOwnPlace(endpoints, withNode).map((e) => e.hints);
  assert.deepEqual(hinted(false), [{ forZones }, undefined, undefined]);
  assert.deepEqual(hinted(true), [{ forZones, forNodes }, undefined, { forNodes }]);
});
