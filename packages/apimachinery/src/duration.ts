const units: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Parses Go's duration syntax (`1h30m`, `500ms`, `-1.5s`) to milliseconds.
 * @throws Error with Go's text when it is no duration.
 */
export function parseDuration(text: string): number {
  const bad = () => new Error(`time: invalid duration ${JSON.stringify(text)}`);
  const m = /^([+-]?)(.*)$/s.exec(text);
  const body = m?.[2] ?? '';
  if (body === '0') return 0;
  if (body === '') throw bad();
  let total = 0;
  let pos = 0;
  const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
  while (pos < body.length) {
    part.lastIndex = pos;
    const p = part.exec(body);
    if (!p)
      throw /^(\d+\.?\d*|\.\d+)$/.test(body.slice(pos))
        ? new Error(`time: missing unit in duration ${JSON.stringify(text)}`)
        : bad();
    total += Number(p[1]) * (units[p[2] ?? ''] ?? 0);
    pos = part.lastIndex;
  }
  return m?.[1] === '-' ? -total : total;
}

/** Milliseconds as Go prints a time.Duration: `1h0m0s`, `1m30s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  const abs = Math.abs(ms);
  const num = (n: number) => String(Number(n.toFixed(9)));
  if (abs < 1e-3) return `${sign}${num(abs * 1e6)}ns`;
  if (abs < 1) return `${sign}${num(abs * 1e3)}µs`;
  if (abs < 1000) return `${sign}${num(abs)}ms`;
  const h = Math.floor(abs / 3_600_000);
  const m = Math.floor((abs % 3_600_000) / 60_000);
  const s = num((abs % 60_000) / 1000);
  if (h > 0) return `${sign}${h}h${m}m${s}s`;
  if (m > 0) return `${sign}${m}m${s}s`;
  return `${sign}${s}s`;
}

/** metav1's short human form: `45s`, `5m12s`, `3h`, `2d4h`, `380d` (duration.HumanDuration). */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 60 * 2) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) {
    const s = seconds % 60;
    return s === 0 ? `${minutes}m` : `${minutes}m${s}s`;
  }
  if (minutes < 60 * 3) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) {
    const m = minutes % 60;
    return m === 0 ? `${hours}h` : `${hours}h${m}m`;
  }
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 8) {
    const h = hours % 24;
    return h === 0 ? `${days}d` : `${days}d${h}h`;
  }
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(hours / 24 / 365);
  if (hours < 24 * 365 * 8) {
    const d = days % 365;
    return d === 0 ? `${years}y` : `${years}y${d}d`;
  }
  return `${years}y`;
}
