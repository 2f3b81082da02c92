/** What the seats of a priority level are computed from (KEP-1040, borrowing between levels). */
export interface LevelDemand {
  name: string;
  nominalShares: number;
  /** Percent of the nominal seats that others may borrow while they are not wanted here. */
  lendablePercent: number;
  /** Percent of the nominal seats that may be borrowed from others; undefined: no limit. */
  borrowingLimitPercent?: number;
  /** Seats wanted lately, smoothed. */
  smoothDemand: number;
  /** The most seats wanted lately. */
  highDemand: number;
}

export interface LevelSeats {
  nominal: number;
  lower: number;
  upper: number;
  current: number;
}

/** Each level's share of the server's seats, rounded up. */
export function nominalSeats(levels: { name: string; nominalShares: number }[], total: number): Map<string, number> {
  const sum = levels.reduce((all, level) => all + level.nominalShares, 0);
  return new Map(levels.map((l) => [l.name, sum === 0 ? 0 : Math.ceil((total * l.nominalShares) / sum)]));
}

/**
 * Divides the seats by demand within each level's bounds: every level gets the same fraction of what it wants, but no
 * less than it may keep and no more than it may borrow.
 */
export function divideSeats(levels: LevelDemand[], total: number): Map<string, LevelSeats> {
  const nominal = nominalSeats(levels, total);
  const rows = levels.map((level) => {
    const own = nominal.get(level.name) ?? 0;
    const keep = own - Math.round((own * level.lendablePercent) / 100);
    const borrow = level.borrowingLimitPercent;
    const upper = borrow === undefined ? total : own + Math.round((own * borrow) / 100);
    const lower = Math.max(keep, Math.min(own, level.highDemand));
    return { name: level.name, own, lower, upper, target: Math.max(level.smoothDemand, lower, 0.001) };
  });
  const at = (fraction: number) => rows.map((r) => Math.min(r.upper, Math.max(r.lower, r.target * fraction)));
  const sumAt = (fraction: number) => at(fraction).reduce((a, b) => a + b, 0);
  const wanted = rows.reduce((all, r) => all + r.own, 0);
  let low = 0;
  let high = 1;
  while (sumAt(high) < wanted && high < 2 ** 40) high *= 2;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (sumAt(middle) < wanted) low = middle;
    else high = middle;
  }
  const seats = at(high);
  return new Map(
    rows.map((r, i) => [
      r.name,
      { nominal: r.own, lower: r.lower, upper: r.upper, current: Math.max(1, Math.round(seats[i] ?? r.own)) },
    ]),
  );
}
