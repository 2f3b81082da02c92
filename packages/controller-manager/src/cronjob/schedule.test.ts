import assert from 'node:assert/strict';
import test from 'node:test';
import { isTimeZone, missedTimes, nextTime } from './next-time.js';
import { parseSchedule } from './schedule.js';

test('the next time of a schedule', () => {
  const cases: [string, string, string, string | undefined][] = [
    ['*/1 * * * *', '2026-01-01T00:00:30Z', 'UTC', '2026-01-01T00:01:00Z'],
    ['*/1 * * * *', '2026-01-01T00:01:00Z', 'UTC', '2026-01-01T00:02:00Z'],
    ['0 3 * * *', '2026-01-01T03:00:00Z', 'UTC', '2026-01-02T03:00:00Z'],
    ['30 4 1 JAN *', '2026-01-02T00:00:00Z', 'UTC', '2027-01-01T04:30:00Z'],
    ['0 0 * * MON-FRI', '2026-01-02T12:00:00Z', 'UTC', '2026-01-05T00:00:00Z'],
    ['0 0 13 * 5', '2026-01-02T00:00:00Z', 'UTC', '2026-01-09T00:00:00Z'],
    ['0 0 * * 7', '2026-01-01T00:00:00Z', 'UTC', '2026-01-04T00:00:00Z'],
    ['0 0 30 2 *', '2026-01-01T00:00:00Z', 'UTC', undefined],
    ['@hourly', '2026-01-01T00:00:00Z', 'UTC', '2026-01-01T01:00:00Z'],
    ['@every 90s', '2026-01-01T00:00:00Z', 'UTC', '2026-01-01T00:01:30Z'],
    ['0 9 * * *', '2026-01-01T00:00:00Z', 'Asia/Tokyo', '2026-01-02T00:00:00Z'],
    ['0 9 * * *', '2026-07-01T00:00:00Z', 'Europe/Berlin', '2026-07-01T07:00:00Z'],
    // The clock is put forward from 02:00 to 03:00: 02:30 does not exist that day.
    ['30 2 * * *', '2026-03-28T12:00:00Z', 'Europe/Berlin', '2026-03-30T00:30:00Z'],
  ];
  for (const [schedule, after, zone, expected] of cases) {
    const next = nextTime(parseSchedule(schedule), Date.parse(after), zone);
    assert.equal(
      next,
      expected === undefined ? undefined : Date.parse(expected),
      `${schedule} after ${after} in ${zone}`,
    );
  }
});

test('what is no schedule is refused', () => {
  for (const text of ['', '* * * *', '60 * * * *', '* 24 * * *', '5-3 * * * *', '*/0 * * * *', '@often', 'a * * * *']) {
    assert.throws(() => parseSchedule(text), Error, text);
  }
  assert.equal(isTimeZone('Europe/Berlin'), true);
  assert.equal(isTimeZone('Europe/Nowhere'), false);
});

test('missed times', () => {
  const schedule = parseSchedule('0 * * * *');
  const at = (time: string): number => Date.parse(`2026-01-01T${time}Z`);
  assert.deepEqual(missedTimes(schedule, at('00:00:00'), at('00:59:00'), 'UTC'), {
    latestMs: undefined,
    tooMany: false,
  });
  assert.deepEqual(missedTimes(schedule, at('00:00:00'), at('03:10:00'), 'UTC'), {
    latestMs: at('03:00:00'),
    tooMany: false,
  });
  assert.deepEqual(missedTimes(parseSchedule('* * * * *'), at('00:00:00'), at('10:00:30'), 'UTC'), {
    latestMs: at('10:00:00'),
    tooMany: true,
  });
});
