import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1NodeStatus } from '@kubelab/api';
import { resolveSchema, schemaFor } from '@kubelab/api';
import { applyStrategicMergePatch } from '@kubelab/apimachinery';
import { statusPatch } from './status-loop.js';

test('a node with an address of each family keeps both', () => {
  const addresses = [
    { type: 'InternalIP', address: '10.0.0.1' },
    { type: 'InternalIP', address: 'fd00::1' },
    { type: 'Hostname', address: 'n1' },
  ];
  const status: V1NodeStatus = { addresses };
  const before = {
    apiVersion: 'v1',
    kind: 'Node',
    status: { addresses: [{ type: 'InternalIP', address: '10.0.0.9' }] },
  };
  const schema = schemaFor('', 'v1', 'Node');
  assert.ok(schema);
  const after = applyStrategicMergePatch(before, statusPatch(status, undefined) as never, schema, resolveSchema);
  assert.deepEqual((after as { status: V1NodeStatus }).status.addresses, addresses);
});
