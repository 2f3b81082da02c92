import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ResourceTable, resources } from '@kubelab/api';
import { type KubeObject, StatusError } from '@kubelab/apimachinery';
import { decodeMutated } from './decode-mutated.js';

it('drops what a webhook added beside the schema, sets defaults and refuses wrong types', () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a' },
    spec: { containers: [{ name: 'c', image: 'i', unknown: 1 }] },
  } as KubeObject;
  decodeMutated(resources, pod);
  const { containers, restartPolicy } = pod.spec as { containers: object[]; restartPolicy: string };
  assert.equal(restartPolicy, 'Always');
  assert.equal('unknown' in (containers[0] ?? {}), false);
  const broken = { ...pod, spec: { containers: 'none' } } as KubeObject;
  assert.throws(
    () => decodeMutated(resources, broken),
    (e: unknown) => e instanceof StatusError && e.code === 500,
  );
});

it('prunes custom resources by the schema of their version', () => {
  const row = resources.byKind('', 'v1', 'ConfigMap');
  assert.ok(row);
  const schema = {
    type: 'object',
    properties: { spec: { type: 'object', properties: { a: { type: 'string' } } } },
  };
  const table = new ResourceTable([
    {
      ...row,
      group: 'x.io',
      kind: 'Tool',
      resource: 'tools',
      versions: [{ version: 'v1', schemaName: 'Tool', schema }],
    },
  ]);
  const tool = { apiVersion: 'x.io/v1', kind: 'Tool', metadata: { name: 'a' }, spec: { a: 'x', b: 'y' } } as KubeObject;
  decodeMutated(table, tool);
  assert.deepEqual(tool.spec, { a: 'x' });
});
