import type { Schedule } from './schedule.js';

const dayMs = 86_400_000;
/** A schedule that does not come up within five years (February 30th) never does. */
const maxDays = 5 * 366;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Throws a RangeError for a zone that is not in the time zone database. */
function formatFor(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    const numeric = 'numeric' as const;
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
    formats.set(timeZone, format);
  }
  return format;
}

/** The wall clock of a zone at a moment, as if it were UTC. */
function wallClock(timeMs: number, timeZone: string): number {
  const parts = Object.fromEntries(
    formatFor(timeZone)
      .formatToParts(timeMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** The moment at which a zone's wall clock shows a time; undefined if it never does (a clock put forward). */
function momentOf(wallMs: number, timeZone: string): number | undefined {
  if (timeZone === 'UTC') return wallMs;
  let guess = wallMs - (wallClock(wallMs, timeZone) - wallMs);
  guess += wallMs - wallClock(guess, timeZone);
  return wallClock(guess, timeZone) === wallMs ? guess : undefined;
}

export function isTimeZone(timeZone: string): boolean {
  try {
    formatFor(timeZone);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The first time after `afterMs` at which the schedule comes up; undefined if never. */
export function nextTime(schedule: Schedule, afterMs: number, timeZone: string): number | undefined {
  if (schedule.everyMs) return Math.floor(afterMs / 1000) * 1000 + schedule.everyMs;
  const hours = [...schedule.hours].sort((a, b) => a - b);
  const minutes = [...schedule.minutes].sort((a, b) => a - b);
  const firstDay = Math.floor(wallClock(afterMs, timeZone) / dayMs) * dayMs;
  for (let i = 0; i < maxDays; i++) {
    const day = firstDay + i * dayMs;
    if (!matchesDay(schedule, new Date(day))) continue;
    for (const hour of hours) {
      // Whole hours that are over need no look at their minutes.
      if (i === 0 && (momentOf(day + hour * 3_600_000, timeZone) ?? afterMs) + 2 * 3_600_000 < afterMs) continue;
      for (const minute of minutes) {
        const moment = momentOf(day + hour * 3_600_000 + minute * 60_000, timeZone);
        if (moment !== undefined && moment > afterMs) return moment;
      }
    }
  }
  return undefined;
}

function matchesDay(schedule: Schedule, date: Date): boolean {
  if (!schedule.months.has(date.getUTCMonth() + 1)) return false;
  const byMonth = schedule.daysOfMonth.has(date.getUTCDate());
  const byWeek = schedule.daysOfWeek.has(date.getUTCDay());
  return schedule.anyDayOfMonth || schedule.anyDayOfWeek ? byMonth && byWeek : byMonth || byWeek;
}

/** Missed runs looked at one by one; beyond that the time is skipped in bulk. */
const maxCounted = 100;

export interface Missed {
  /** The latest time that has come up and was not run. */
  latestMs: number | undefined;
  tooMany: boolean;
}

/** The runs that came up between `sinceMs` (exclusive) and `nowMs`. */
export function missedTimes(schedule: Schedule, sinceMs: number, nowMs: number, timeZone: string): Missed {
  let latestMs: number | undefined;
  let count = 0;
  for (let time = nextTime(schedule, sinceMs, timeZone); time !== undefined && time <= nowMs; ) {
    latestMs = time;
    if (++count > maxCounted) {
      return { latestMs: latestBefore(schedule, nowMs, timeZone) ?? latestMs, tooMany: true };
    }
    time = nextTime(schedule, time, timeZone);
  }
  return { latestMs, tooMany: false };
}

/** Looks back in growing steps for a run not later than `nowMs`. */
function latestBefore(schedule: Schedule, nowMs: number, timeZone: string): number | undefined {
  for (let spanMs = 60_000; spanMs < maxDays * dayMs; spanMs *= 4) {
    let time = nextTime(schedule, nowMs - spanMs, timeZone);
    if (time === undefined || time > nowMs) continue;
    for (
      let next: number | undefined = time;
      next !== undefined && next <= nowMs;
      next = nextTime(schedule, next, timeZone)
    ) {
      time = next;
    }
    return time;
  }
  return undefined;
}
