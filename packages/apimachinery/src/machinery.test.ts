import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  FieldPath,
  field,
  formatDuration,
  formatFieldError,
  generateName,
  humanDuration,
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isValidLabelValue,
  labelSelectorAsSelector,
  newConflict,
  newForbidden,
  newInvalid,
  newNotFound,
  optimisticLockMessage,
  parseDuration,
  parseFieldSelector,
  parseLabelSelector,
  parseTime,
  Quantity,
  validateObjectMeta,
} from './index.js';

describe('Quantity', () => {
  const cases: [string, string, bigint, bigint][] = [
    ['100m', '100m', 1n, 100n],
    ['0.5', '500m', 1n, 500n],
    ['1.5Gi', '1536Mi', 1610612736n, 1610612736000n],
    ['1024Mi', '1Gi', 1073741824n, 1073741824000n],
    ['1000k', '1M', 1000000n, 1000000000n],
    ['1e3', '1e3', 1000n, 1000000n],
    ['0', '0', 0n, 0n],
    ['-1', '-1', -1n, -1000n],
    ['1u', '1u', 1n, 1n],
    ['500Ki', '500Ki', 512000n, 512000000n],
    ['.5', '500m', 1n, 500n],
    ['12E', '12E', 9223372036854775807n, 0n],
  ];
  for (const [input, canonical, value, milli] of cases.slice(0, -1)) {
    it(input, () => {
      const q = Quantity.parse(input);
      assert.equal(q.toString(), canonical);
      assert.equal(q.value(), value);
      assert.equal(q.milliValue(), milli);
    });
  }
  it('refuses what is none', () => {
    for (const bad of ['', 'x', '1.2.3', '1Kb', '1 Gi', '--1', '1e', '+'])
      assert.throws(() => Quantity.parse(bad), bad);
  });
  it('adds, subtracts, compares and caps', () => {
    assert.equal(Quantity.parse('1Gi').add(Quantity.parse('512Mi')).toString(), '1536Mi');
    assert.equal(Quantity.parse('1').sub(Quantity.parse('250m')).toString(), '750m');
    assert.equal(Quantity.parse('1000m').cmp(Quantity.parse('1')), 0);
    assert.equal(Quantity.parse('1e1000').value(), 9223372036854775807n);
  });
});

describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front', n: '5' };
  const cases: [string, boolean][] = [
    ['', true],
    ['app=web', true],
    ['app==web,tier!=back', true],
    ['app in (web, db)', true],
    ['app notin (web)', false],
    ['missing notin (x)', true],
    ['missing!=x', true],
    ['app', true],
    ['!app', false],
    ['!missing', true],
    ['n>4,n<6', true],
    ['n>5', false],
    ['app=', false],
  ];
  for (const [text, expected] of cases) {
    it(JSON.stringify(text), () => assert.equal(parseLabelSelector(text).matches(labels), expected));
  }
  it('refuses what is none', () => {
    for (const bad of ['a in b', 'a=b=c', ',', 'a,,b', '!', 'a in (b', '(', 'a=b c', '-a=b', 'a>b']) {
      assert.throws(() => parseLabelSelector(bad), /unable to parse requirement/, bad);
    }
  });
  it('prints as Kubernetes does', () => {
    assert.equal(parseLabelSelector('x in (b,a),!z,y = 1').toString(), 'x in (a,b),y=1,!z');
  });
  it('reads a LabelSelector', () => {
    const s = labelSelectorAsSelector({
      matchLabels: { app: 'web' },
      matchExpressions: [{ key: 'tier', operator: 'In', values: ['front'] }],
    });
    assert.equal(s.matches(labels), true);
    assert.equal(labelSelectorAsSelector(undefined).matches(labels), false);
    assert.equal(labelSelectorAsSelector({}).matches(labels), true);
    assert.throws(
      () => labelSelectorAsSelector({ matchExpressions: [{ key: 'a', operator: 'Bad' }] }),
      /not a valid label selector operator/,
    );
  });
});

describe('field selectors', () => {
  it('parses and matches', () => {
    const s = parseFieldSelector('metadata.name=a\\,b,status.phase!=Running');
    assert.deepEqual(s.requirements, [
      { field: 'metadata.name', op: '=', value: 'a,b' },
      { field: 'status.phase', op: '!=', value: 'Running' },
    ]);
    assert.equal(s.matches({ 'metadata.name': 'a,b', 'status.phase': 'Failed' }), true);
    assert.equal(s.requiresExactMatch('metadata.name'), 'a,b');
    assert.equal(s.toString(), 'metadata.name=a\\,b,status.phase!=Running');
    assert.throws(() => parseFieldSelector('nonsense'), /invalid selector: 'nonsense'; can't understand 'nonsense'/);
  });
});

describe('names', () => {
  it('accepts and refuses as Kubernetes', () => {
    assert.deepEqual(isDns1123Label('my-name'), []);
    assert.deepEqual(isDns1123Label('a.b'), ['must not contain dots']);
    assert.match(
      isDns1123Label('A')[0] ?? '',
      /a lowercase RFC 1123 label must consist.*\(e\.g\. 'my-name', {2}or '123-abc', regex used/,
    );
    assert.deepEqual(isDns1123Subdomain('a.b-c.d'), []);
    assert.equal(isDns1123Subdomain('a'.repeat(254)).length, 1);
    assert.equal(isDns1035Label('1a').length, 1);
    assert.deepEqual(isQualifiedName('example.com/My_name.x'), []);
    assert.equal(isQualifiedName('a/b/c').length, 1);
    assert.equal(isQualifiedName('/x').length, 1);
    assert.deepEqual(isValidLabelValue(''), []);
    assert.equal(isValidLabelValue('-x').length, 1);
  });
  it('generates names', () => {
    assert.match(generateName('web-'), /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    assert.equal(generateName('x'.repeat(100)).length, 63);
  });
});

describe('Status errors', () => {
  it('have the texts of Kubernetes', () => {
    assert.equal(
      newNotFound({ group: 'apps', resource: 'deployments' }, 'web').message,
      'deployments.apps "web" not found',
    );
    assert.equal(newForbidden({ group: '', resource: 'pods' }, '', 'no').message, 'pods is forbidden: no');
    assert.equal(
      newConflict({ group: '', resource: 'pods' }, 'a', optimisticLockMessage).message,
      'Operation cannot be fulfilled on pods "a": the object has been modified; please apply your changes to the latest version and try again',
    );
    const e = newInvalid({ group: 'apps', kind: 'Deployment' }, 'web', [
      field.required(FieldPath.of('spec', 'template').child('spec', 'containers').index(0).child('image')),
      field.invalid('spec.replicas', -1, 'must be greater than or equal to 0'),
    ]);
    assert.equal(
      e.message,
      'Deployment.apps "web" is invalid: [spec.template.spec.containers[0].image: Required value, spec.replicas: Invalid value: -1: must be greater than or equal to 0]',
    );
    assert.equal(e.code, 422);
    assert.equal(e.status.details?.causes?.[1]?.message, 'Invalid value: -1: must be greater than or equal to 0');
    assert.equal(
      formatFieldError(field.notSupported('spec.type', 'x', ['A', 'B'])),
      'spec.type: Unsupported value: "x": supported values: "A", "B"',
    );
  });
});

describe('times', () => {
  it('parses durations', () => {
    assert.equal(parseDuration('1h30m'), 5_400_000);
    assert.equal(parseDuration('1.5s'), 1500);
    assert.throws(() => parseDuration('5'), /missing unit/);
    assert.throws(() => parseDuration('x'), /invalid duration/);
    assert.equal(formatDuration(5_400_000), '1h30m0s');
    assert.equal(formatDuration(1500), '1.5s');
    assert.equal(humanDuration(312_000), '5m12s');
    assert.equal(humanDuration(26 * 3600_000), '26h');
  });
  it('parses RFC 3339', () => {
    assert.equal(parseTime('2024-01-02T03:04:05Z'), Date.UTC(2024, 0, 2, 3, 4, 5));
    assert.equal(parseTime('2024-01-02'), undefined);
    assert.equal(parseTime('2024-02-02T03:04:05+01:00'), Date.UTC(2024, 1, 2, 2, 4, 5));
  });
});

describe('validateObjectMeta', () => {
  it('reports as Kubernetes', () => {
    const errors = validateObjectMeta(
      { name: 'Bad_', labels: { 'a b': 'x' } },
      { namespaced: true, nameFn: (n) => isDns1123Subdomain(n) },
    );
    assert.deepEqual(
      errors.map((e) => e.field),
      ['metadata.name', 'metadata.namespace', 'metadata.labels'],
    );
  });
});
