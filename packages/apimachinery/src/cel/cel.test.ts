import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  celProblem,
  compileCel,
  FieldPath,
  formatFieldError,
  type Schema,
  toCel,
  validateRuleSyntax,
  validateSchemaRules,
} from '../index.js';

describe('CEL', () => {
  const object = toCel({
    n: 3,
    f: 1.5,
    l: ['b', 'a'],
    o: [{ name: 'x' }],
    q: '1Gi',
    labels: { 'a/b': 'x' },
    u: 'https://h:8/p?x=1',
  });
  const cases: [string, unknown][] = [
    ['object.n + 1 == 4', true],
    ['object.f < 2.0', true],
    ['has(object.missing)', false],
    ['object.?missing.orValue("d")', 'd'],
    ['object.labels["a/b"]', 'x'],
    ['object.l.isSorted()', false],
    ['object.l.indexOf("a")', 1n],
    ['[1, 2, 3].sum()', 6n],
    ['quantity(object.q).isGreaterThan(quantity("500Mi"))', true],
    ['isQuantity("zz")', false],
    ['url(object.u).getHost()', 'h:8'],
    ['sets.contains(["a", "b"], ["a"])', true],
    ['ip("10.0.0.1").family()', 4n],
    ['cidr("10.0.0.0/8").containsIP("10.1.2.3")', true],
    ['"a-b-c".replace("-", "+", 1)', 'a+b-c'],
    ['"x12".find("[0-9]+")', '12'],
    ['has(object.o[0].name) && !has(object.o[0].other)', true],
    ['has((object).n)', true],
    ['object.l.all(x, x.matches("^[a-z]$"))', true],
  ];
  for (const [text, expected] of cases) {
    it(text, () => assert.deepEqual(compileCel(text, ['object']).evaluate({ object }), expected));
  }
  it('refuses what does not compile', () => {
    assert.equal(celProblem('object.n >', ['object']) !== undefined, true);
    assert.equal(celProblem('unknown == 1', ['object']) !== undefined, true);
    assert.equal(celProblem('object.n == 1', ['object']), undefined);
  });
});

describe('rules of schemas', () => {
  const schema: Schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        'x-kubernetes-validations': [
          { rule: 'self.min <= self.max', message: 'min must not be above max' },
          {
            rule: 'self.name == oldSelf.name',
            fieldPath: '.name',
            reason: 'FieldValueForbidden',
            message: 'name is immutable',
          },
        ],
        properties: {
          min: { type: 'integer' },
          max: { type: 'integer' },
          name: { type: 'string' },
          'a-b': {
            type: 'integer',
            'x-kubernetes-validations': [{ rule: 'self > 0', messageExpression: '"got " + string(self)' }],
          },
        },
      },
    },
  };
  const check = (spec: object, old?: object) =>
    validateSchemaRules({ spec }, old && { spec: old }, schema).map(formatFieldError);
  it('are checked with the messages of Kubernetes', () => {
    assert.deepEqual(check({ min: 1, max: 2 }), []);
    assert.deepEqual(check({ min: 3, max: 2 }), ['spec: Invalid value: "object": min must not be above max']);
    assert.deepEqual(check({ min: 1, max: 2, name: 'b' }, { min: 1, max: 2, name: 'a' }), [
      'spec.name: Forbidden: name is immutable',
    ]);
    assert.deepEqual(check({ min: 1, max: 2, 'a-b': 0 }), ['spec.a-b: Invalid value: "integer": got 0']);
    assert.match(check({ min: 1 })[0] ?? '', /rule evaluation error: No such key: max/);
  });
  it('are compiled when a CRD is written', () => {
    const errors = validateRuleSyntax(
      { type: 'object', 'x-kubernetes-validations': [{ rule: 'self.' }] },
      FieldPath.of('spec'),
    );
    assert.equal(errors[0]?.field, 'spec.x-kubernetes-validations[0].rule');
  });
});
