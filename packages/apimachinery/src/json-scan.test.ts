import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { duplicateFields, exceedsJsonDepth, strictErrors } from './index.js';

describe('JSON scan', () => {
  it('finds duplicate members', () => {
    assert.deepEqual(duplicateFields('{"a":1,"b":{"c":[{"d":1,"d":2}],"e":"\\"d\\":1"},"a":2}'), ['b.c[0].d', 'a']);
    assert.deepEqual(duplicateFields('{"a":{"x":1},"b":{"x":1},"c":[1,{"x":1},{"x":2}],"d\\"":"{\\"x\\":1"}'), []);
    assert.deepEqual(duplicateFields('{"\\u0061":1,"a":2}'), ['a']);
  });
  it('reports in the order of the text', () => {
    const text = '{"spec":{"foo":1,"paused":true,"paused":false,"foo":2}}';
    assert.deepEqual(strictErrors(text, ['unknown field "spec.foo"']), [
      'unknown field "spec.foo"',
      'duplicate field "spec.paused"',
      'duplicate field "spec.foo"',
    ]);
  });
  it('measures depth', () => {
    assert.equal(exceedsJsonDepth('['.repeat(2000)), true);
    assert.equal(exceedsJsonDepth(`"${'['.repeat(2000)}"`), false);
    assert.equal(exceedsJsonDepth('[]'.repeat(2000)), false);
  });
});
