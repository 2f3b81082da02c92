/** A rate over less than this says little. */
const minWindowMs = 1_000;

interface Sample {
  at: number;
  total: number;
  rate?: number;
}

/** CPU rates (nanoseconds a second) from cumulative counters that are read now and then. */
export class CpuRates {
  readonly #samples = new Map<string, Sample>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** The rate since the sample before; undefined for the first, and the last rate for one too soon after it. */
  rate(key: string, total: number): number | undefined {
    const at = this.now();
    const last = this.#samples.get(key);
    if (last && at - last.at < minWindowMs) return last.rate;
    const rate = last && total >= last.total ? Math.round(((total - last.total) * 1000) / (at - last.at)) : undefined;
    this.#samples.set(key, { at, total, ...(rate === undefined ? {} : { rate }) });
    // Keys of containers long gone are dropped once they outnumber any node's containers.
    if (this.#samples.size > 4096) this.#samples.delete(this.#samples.keys().next().value ?? '');
    return rate;
  }
}
