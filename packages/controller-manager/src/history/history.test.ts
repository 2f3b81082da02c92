import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameData, templatePatch } from './index.js';

const template = {
  spec: { restartPolicy: 'Always', containers: [{ name: 'a', image: 'b' }] },
  metadata: { labels: { a: 'b' } },
};

test('a revision reads as the patch that clients make of its owner', () => {
  assert.equal(
    JSON.stringify(templatePatch(template)),
    '{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"a":"b"}},' +
      '"spec":{"containers":[{"image":"b","name":"a"}],"restartPolicy":"Always"}}}}',
  );
});

test('revisions written without the creation time are found again', () => {
  const data = { spec: { template: { ...template, $patch: 'replace' } } };
  assert.ok(sameData({ revision: 1, data }, template));
  assert.ok(!sameData({ revision: 1, data }, { ...template, spec: {} }));
});
