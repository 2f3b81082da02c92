import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCriLine } from './logs/convert.js';
import { padFraction, toNanos } from './time.js';

test('times keep their nanoseconds', () => {
  assert.equal(toNanos('2024-01-01T00:00:00.000000001Z'), '1704067200000000001');
  assert.equal(toNanos('2024-01-01T02:00:00.5+02:00'), '1704067200500000000');
  assert.equal(toNanos('2024-01-01T00:00:00Z'), '1704067200000000000');
  for (const none of ['0001-01-01T00:00:00Z', '', undefined, 'soon']) assert.equal(toNanos(none), '0');
});

test('fractions are padded to nine digits', () => {
  assert.equal(padFraction('2016-10-06T00:17:09.6697942Z'), '2016-10-06T00:17:09.669794200Z');
  assert.equal(padFraction('2016-10-06T00:17:09Z'), '2016-10-06T00:17:09.000000000Z');
});

test('log lines: whole, in parts, not JSON', () => {
  const line = (log: string) => JSON.stringify({ log, stream: 'stderr', time: '2016-10-06T00:17:09.1Z' });
  assert.equal(toCriLine(line('text\n')), '2016-10-06T00:17:09.100000000Z stderr F text\n');
  assert.equal(toCriLine(line('part')), '2016-10-06T00:17:09.100000000Z stderr P part\n');
  assert.equal(toCriLine(line('\n')), '2016-10-06T00:17:09.100000000Z stderr F \n');
  assert.equal(toCriLine('{"log":"cut'), undefined);
});
