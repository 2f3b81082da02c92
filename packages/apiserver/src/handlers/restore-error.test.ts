import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newRestoreError } from './restore-error.js';

const at = (what: string, type: string) => `json: cannot unmarshal ${what} into Go struct field X.y of type ${type}`;

test('a strategic merge patch that does not fit is told in the words of the converter', () => {
  const table: [string, string][] = [
    [at('string', 'map[string]string'), 'cannot restore map from string'],
    [at('object', '[]v1.Container'), 'cannot restore slice from map'],
    [at('array', 'v1.PodSpec'), 'cannot restore struct from: slice'],
    [at('string', 'int32'), 'cannot convert string to int32'],
    [at('number 1.5', 'int32'), 'cannot convert float64 to int32'],
    ['something else', 'something else'],
  ];
  for (const [problem, text] of table) {
    const error = newRestoreError(problem, { metadata: { labels: 'x', a: [1, null] } });
    assert.equal(error.code, 422);
    assert.equal(
      error.message,
      ` "" is invalid: patch: Invalid value: "map[metadata:map[a:[1 <nil>] labels:x]]": ${text}`,
    );
  }
});
