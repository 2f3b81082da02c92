import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServed } from './class.js';
import { ingress } from './testing/test-proxy.js';

test('classes: by field, by annotation, by default', () => {
  const ours = { metadata: { name: 'nginx' }, spec: { controller: 'kubelab.io/ingress-nginx' } };
  const theirs = { metadata: { name: 'other' }, spec: { controller: 'x' } };
  const annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' };
  const isDefault = { ...ours, metadata: { name: 'nginx', annotations } };
  const annotated = (name: string) => ({ 'kubernetes.io/ingress.class': name });
  assert.ok(isServed(ingress('i', { ingressClassName: 'nginx' }), [ours, theirs]));
  assert.ok(!isServed(ingress('i', { ingressClassName: 'other' }), [ours, theirs]));
  assert.ok(!isServed(ingress('i', { ingressClassName: 'missing' }), [isDefault]));
  assert.ok(isServed(ingress('i', {}, annotated('nginx')), [ours]));
  assert.ok(!isServed(ingress('i', {}, annotated('other')), [isDefault]));
  // The annotation is older; where both are, the field counts.
  assert.ok(isServed(ingress('i', { ingressClassName: 'nginx' }, annotated('other')), [ours]));
  assert.ok(!isServed(ingress('i', {}), [ours]));
  assert.ok(isServed(ingress('i', {}), [isDefault]));
});
