const unitMs: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Parses a duration in Go's notation ("1m30s", "500ms", "-2h", "0") into milliseconds.
 * Throws a RangeError that names the text when it is not one.
 */
export function parseDurationMs(text: string): number {
  const trimmed = text.trim();
  if (/^[+-]?0$/.test(trimmed)) {
    return 0;
  }
  const match = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.exec(trimmed);
  if (!match) {
    throw new RangeError(`invalid duration ${JSON.stringify(text)}`);
  }
  let total = 0;
  for (const part of trimmed.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(part[1]) * (unitMs[part[2] as string] as number);
  }
  return match[1] === '-' ? -total : total;
}
