/** RFC 3339 with up to nine digits of a second, as nanoseconds since the epoch. '0' for Go's zero time and for ''. */
export function toNanos(time: string | undefined): string {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(time ?? '');
  if (!match || match[1]?.startsWith('0001-')) return '0';
  const seconds = Date.parse(`${match[1]}${match[3]}`) / 1000;
  return String(BigInt(seconds) * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0')));
}

/** Nanoseconds since the epoch, now. */
export function nowNanos(): string {
  return String(BigInt(Date.now()) * 1_000_000n);
}

/** RFC 3339 with all nine digits of a second, as CRI log lines have it. */
export function padFraction(time: string): string {
  const match = /^(.*?:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  return match ? `${match[1]}.${(match[2] ?? '').padEnd(9, '0')}${match[3]}` : time;
}
