/** A parsed cron schedule: the values that each field admits. */
export interface Schedule {
  minutes: Set<number>;
  hours: Set<number>;
  daysOfMonth: Set<number>;
  months: Set<number>;
  daysOfWeek: Set<number>;
  /** With both day fields given, either one may match; a `*` leaves it to the other. */
  anyDayOfMonth: boolean;
  anyDayOfWeek: boolean;
  /** For `@every`: milliseconds between runs. */
  everyMs?: number;
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const descriptors: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const everyUnits: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000 };

/** Parses a schedule as Kubernetes' CronJob takes it: five fields, or `@daily` and its like. Throws if it is neither. */
export function parseSchedule(text: string): Schedule {
  const trimmed = text.trim();
  const every = /^@every\s+((?:\d+[hms])+)$/.exec(trimmed);
  if (every) {
    let everyMs = 0;
    for (const [, amount, unit] of (every[1] ?? '').matchAll(/(\d+)([hms])/g)) {
      everyMs += Number(amount) * (everyUnits[unit ?? ''] ?? 0);
    }
    return { ...parseFields('* * * * *'), everyMs: Math.max(everyMs, 1000) };
  }
  if (trimmed.startsWith('@')) {
    const fields = descriptors[trimmed];
    if (!fields) throw new Error(`unrecognized descriptor: ${trimmed}`);
    return parseFields(fields);
  }
  return parseFields(trimmed);
}

function parseFields(text: string): Schedule {
  const fields = text.split(/\s+/);
  if (fields.length !== 5) throw new Error(`expected exactly 5 fields, found ${fields.length}: [${text}]`);
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = fields;
  const isAny = (field: string): boolean => field.startsWith('*') || field === '?';
  const daysOfWeek = parseField(dayOfWeek, 0, 7, dayNames);
  // Sunday is 0 and 7.
  if (daysOfWeek.delete(7)) daysOfWeek.add(0);
  return {
    minutes: parseField(minute, 0, 59),
    hours: parseField(hour, 0, 23),
    daysOfMonth: parseField(dayOfMonth, 1, 31),
    months: parseField(month, 1, 12, monthNames, 1),
    daysOfWeek,
    anyDayOfMonth: isAny(dayOfMonth),
    anyDayOfWeek: isAny(dayOfWeek),
  };
}

function parseField(field: string, min: number, max: number, names: string[] = [], base = 0): Set<number> {
  const values = new Set<number>();
  const number = (text: string): number => {
    const named = names.indexOf(text.toLowerCase());
    const value = named >= 0 ? named + base : /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new Error(`value (${text}) out of range [${min}, ${max}]: ${field}`);
    return value;
  };
  for (const part of field.split(',')) {
    const [range = '', stepText, rest] = part.split('/');
    const step = stepText === undefined ? 1 : Number(stepText);
    if (rest !== undefined || !Number.isInteger(step) || step < 1) throw new Error(`failed to parse step: ${field}`);
    let from = min;
    // A full day-of-week range ends at Saturday; 7 is only another name for Sunday.
    let to = names === dayNames ? 6 : max;
    if (range !== '*' && range !== '?') {
      const [first = '', last, more] = range.split('-');
      if (more !== undefined) throw new Error(`too many hyphens: ${field}`);
      from = number(first);
      to = last === undefined ? (stepText === undefined ? from : to) : number(last);
      if (from > to) throw new Error(`beginning of range (${from}) beyond end of range (${to}): ${field}`);
    }
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return values;
}
