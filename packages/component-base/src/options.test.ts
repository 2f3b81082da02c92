import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseDurationMs } from './duration.js';
import { OptionError, type OptionSpecs, parseOptions } from './options.js';

const specs: OptionSpecs = {
  kubeconfig: { type: 'string', description: '' },
  'secure-port': { type: 'number', default: 6443, description: '' },
  'leader-elect': { type: 'boolean', default: false, description: '' },
  'lease-duration': { type: 'duration', default: '15s', description: '' },
  controllers: { type: 'string[]', default: ['*'], description: '' },
  extra: { type: 'stringArray', default: [], description: '' },
};

test('durations in Go notation become milliseconds', () => {
  for (const [text, ms] of [
    ['0', 0],
    ['500ms', 500],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['-2s', -2000],
  ] as const) {
    assert.equal(parseDurationMs(text), ms, text);
  }
  for (const text of ['', '5', 'abc', '5 s', '1d']) {
    assert.throws(() => parseDurationMs(text), RangeError, text);
  }
});

test('flags: both spellings, booleans, lists that add up, defaults', () => {
  const options = parseOptions('x', specs, [
    '--kubeconfig',
    '/a',
    '--leader-elect',
    '--controllers=a,b',
    '--controllers=c',
  ]);
  assert.equal(options.string('kubeconfig'), '/a');
  assert.equal(options.boolean('leader-elect'), true);
  assert.deepEqual(options.strings('controllers'), ['a', 'b', 'c']);
  assert.equal(options.number('secure-port'), 6443);
  assert.equal(options.durationMs('lease-duration'), 15_000);
});

test('bad flags are named in the error', () => {
  for (const [argv, message] of [
    [['--nope'], /unknown option --nope/],
    [['--secure-port=abc'], /--secure-port.*not a number/],
    [['--leader-elect=maybe'], /neither true nor false/],
    [['--kubeconfig'], /needs a value/],
    [['stray'], /unexpected argument "stray"/],
    [['--lease-duration=5d'], /--lease-duration: invalid duration/],
  ] as const) {
    assert.throws(
      () => parseOptions('x', specs, [...argv]),
      (error) => error instanceof OptionError && message.test(error.message),
    );
  }
});

test('a config file sets options and flags win over it', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-options-'));
  try {
    const file = join(dir, 'config.yaml');
    writeFileSync(file, 'secure-port: 7443\nleader-elect: true\ncontrollers: [a, b]\n');
    const options = parseOptions('x', specs, [`--config=${file}`, '--leader-elect=false']);
    assert.equal(options.number('secure-port'), 7443);
    assert.equal(options.boolean('leader-elect'), false);
    assert.deepEqual(options.strings('controllers'), ['a', 'b']);
    writeFileSync(file, 'sekure-port: 1\n');
    assert.throws(() => parseOptions('x', specs, [`--config=${file}`]), /unknown option sekure-port/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('lists are taken apart at commas, or kept as they are given', () => {
  const options = parseOptions('test', specs, [
    '--controllers=a,b',
    '--controllers=c',
    '--extra=a,b',
    '--extra',
    'c=d,e',
  ]);
  assert.deepEqual(options.strings('controllers'), ['a', 'b', 'c']);
  assert.deepEqual(options.strings('extra'), ['a,b', 'c=d,e']);
});
