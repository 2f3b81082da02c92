import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ResourceTable, resources } from '@kubelab/api';
import { formatFieldError, type KubeObject } from '@kubelab/apimachinery';
import { checkAdmissionExpressions } from './expression-strategy.js';

it('refuses expressions that do not compile, unless they are stored already', () => {
  const row = resources.lookup('admissionregistration.k8s.io', 'v1', 'validatingwebhookconfigurations');
  assert.ok(row);
  const entry = { ...row, strategy: {} as typeof row.strategy };
  checkAdmissionExpressions(new ResourceTable([entry]));
  const configuration = (expression: string) =>
    ({ metadata: {}, webhooks: [{ matchConditions: [{ name: 'a', expression }] }] }) as unknown as KubeObject;
  const context = { version: 'v1' };
  assert.deepEqual(entry.strategy.validateCreate?.(configuration('object.metadata.name == "x"'), context), []);
  const broken = configuration('object.metadata ==');
  const [error, ...more] = entry.strategy.validateCreate?.(broken, context) ?? [];
  assert.ok(error && more.length === 0);
  assert.match(
    formatFieldError(error),
    /^webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: "object.metadata ==": compilation failed: /,
  );
  assert.deepEqual(entry.strategy.validateUpdate?.(broken, broken, context), []);
});
