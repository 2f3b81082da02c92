import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileJsonPath } from './index.js';

describe('JSONPath', () => {
  const obj = {
    spec: { replicas: 3, list: [{ n: 1 }, { n: 2 }], 'a.b': 'x' },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Other', status: 'False' },
      ],
    },
  };
  const cases: [string, unknown[]][] = [
    ['.spec.replicas', [3]],
    ['{.spec.replicas}', [3]],
    ['.spec.missing', []],
    ['.spec.list[0].n', [1]],
    ['.spec.list[-1].n', [2]],
    ['.spec.list[*].n', [1, 2]],
    ['.spec.a\\.b', ['x']],
    [".spec['a.b']", ['x']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    ['.spec.list[?(@.n>1)].n', [2]],
  ];
  for (const [path, expected] of cases) it(path, () => assert.deepEqual(compileJsonPath(path)(obj), expected));
  it('refuses what is none', () => assert.throws(() => compileJsonPath('spec.x')));
});
