const NAMES: Record<string, string[]> = {
  month: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  day: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
};
const FIELDS: [number, number, string[]][] = [
  [0, 59, []],
  [0, 23, []],
  [1, 31, []],
  [1, 12, NAMES.month ?? []],
  [0, 6, NAMES.day ?? []],
];
const DESCRIPTORS = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

function numberOf(text: string, names: string[], first: number): number | undefined {
  const index = names.indexOf(text.toLowerCase());
  if (index >= 0) return index + first;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function fieldProblem(text: string, min: number, max: number, names: string[]): string | undefined {
  for (const part of text.split(',')) {
    const [range = '', step, ...more] = part.split('/');
    if (more.length > 0) return `too many slashes: ${part}`;
    if (step !== undefined && !(/^\d+$/.test(step) && Number(step) > 0)) return `failed to parse int from ${step}`;
    if (range === '*' || range === '?') continue;
    const [a = '', b, ...rest] = range.split('-');
    if (rest.length > 0) return `too many hyphens: ${part}`;
    const low = numberOf(a, names, min);
    const high = b === undefined ? low : numberOf(b, names, min);
    if (low === undefined)
      return `failed to parse int from ${a}: strconv.Atoi: parsing ${JSON.stringify(a)}: invalid syntax`;
    if (high === undefined)
      return `failed to parse int from ${b}: strconv.Atoi: parsing ${JSON.stringify(b)}: invalid syntax`;
    if (low < min) return `beginning of range (${low}) below minimum (${min}): ${part}`;
    if (high > max) return `end of range (${high}) above maximum (${max}): ${part}`;
    if (low > high) return `beginning of range (${low}) beyond end of range (${high}): ${part}`;
  }
  return undefined;
}

/** What is wrong with a cron schedule (five fields or a descriptor), undefined if nothing. */
export function cronProblem(schedule: string): string | undefined {
  const text = schedule.replace(/^(CRON_)?TZ=\S+\s+/, '').trim();
  if (text.startsWith('@')) {
    if (DESCRIPTORS.includes(text)) return undefined;
    if (/^@every \S+$/.test(text)) return undefined;
    return `unrecognized descriptor: ${text}`;
  }
  const fields = text.split(/\s+/);
  if (fields.length !== 5) return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`;
  for (const [i, [min, max, names]] of FIELDS.entries()) {
    const problem = fieldProblem(fields[i] ?? '', min, max, names);
    if (problem) return problem;
  }
  return undefined;
}

/** Whether an IANA time zone is known here. */
export function isTimeZone(zone: string): boolean {
  if (zone.toLowerCase() === 'local') return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
