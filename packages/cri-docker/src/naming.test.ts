import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerName, sandboxName } from './naming.js';

const pod = { name: 'web-0', namespace: 'default', uid: 'a-b-c', attempt: 2 };

test('names carry the metadata', () => {
  assert.equal(sandboxName(pod), 'k8s_POD_web-0_default_a-b-c_2');
  assert.equal(containerName({ name: 'app', attempt: 1 }, pod), 'k8s_app_web-0_default_a-b-c_1');
});

test('what Docker does not take in a name is replaced', () => {
  const odd = { name: 'a/b c_d', namespace: 'ü', uid: '1', attempt: 0 };
  assert.match(sandboxName(odd), /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/);
  assert.equal(sandboxName(odd), 'k8s_POD_a-b-c-d_-_1_0');
});
