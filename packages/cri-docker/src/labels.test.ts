import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeContainer,
  decodeSandbox,
  encodeLabels,
  isOwnedBy,
  labelKeys,
  matchesSelector,
  type SandboxRecord,
} from './labels.js';

const record: SandboxRecord = {
  version: 1,
  metadata: { name: 'p', namespace: 'n', uid: 'u', attempt: 0 },
  labels: { app: 'web', [labelKeys.type]: 'forged' },
  annotations: { note: 'a "quoted" text' },
  createdAt: '1700000000123456789',
  namespaces: null,
  portMappings: [{ protocol: 'UDP', container_port: 53, host_port: 5353, host_ip: '' }],
  logDirectory: '/var/log/pods/x',
  runtimeHandler: '',
  cgroupParent: '/kubepods/x',
};

test('a record comes back as it was, among labels of the image', () => {
  const labels: Record<string, string> = { maintainer: 'somebody', ...encodeLabels('sandbox', record, '/state') };
  assert.deepEqual(decodeSandbox(labels), record);
  assert.equal(labels.app, 'web');
});

test('labels of others are not ours, and a workload can’t forge them', () => {
  assert.equal(decodeSandbox(undefined), undefined);
  assert.equal(decodeSandbox({ app: 'web' }), undefined);
  assert.equal(decodeContainer(encodeLabels('sandbox', record, '/state')), undefined);
  assert.equal(encodeLabels('sandbox', record, '/state')[labelKeys.type], 'sandbox');
});

test('each shim sees only what it made', () => {
  const labels = encodeLabels('sandbox', { ...record, labels: { [labelKeys.owner]: '/other' } }, '/state');
  assert.ok(isOwnedBy(labels, '/state'));
  assert.ok(!isOwnedBy(labels, '/other'));
  assert.ok(isOwnedBy({ [labelKeys.type]: 'sandbox' }, '/state'));
});

test('a record of a later version is not read', () => {
  const labels = encodeLabels('sandbox', { ...record, version: 2 as 1 }, '/state');
  assert.equal(decodeSandbox(labels), undefined);
});

test('selectors', () => {
  assert.ok(matchesSelector({ a: '1', b: '2' }, { a: '1' }));
  assert.ok(matchesSelector({}, undefined));
  assert.ok(!matchesSelector({ a: '1' }, { a: '2' }));
  assert.ok(!matchesSelector({}, { a: '' }));
});
