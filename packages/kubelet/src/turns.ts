/** Lets so many pieces of work run at once; the others wait for their turn, in order. */
export class Turns {
  private active = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param max how many at once; 0 is no limit */
  constructor(private readonly max: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.max > 0 && this.active >= this.max) {
      // Whoever ends hands its place over, so that nobody slips in between.
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    } else {
      this.active++;
    }
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.active--;
    }
  }
}
