import { Counter, type Registry } from '@kubelab/component-base';

interface Cell {
  labels: Record<string, string>;
  count: number;
}

/** A counter that costs a look-up in a map for each event; the library's own is brought up to date when it is read. */
export class Tally {
  private readonly cells = new Map<string, Cell>();

  constructor(
    register: Registry,
    name: string,
    help: string,
    private readonly constant: Record<string, string>,
    private readonly labelNames: string[],
  ) {
    const { cells } = this;
    new Counter({
      name,
      help,
      labelNames: [...Object.keys(constant), ...labelNames],
      registers: [register],
      collect() {
        this.reset();
        for (const { labels, count } of cells.values()) this.inc(labels, count);
      },
    });
  }

  /** Values in the order of the label names. */
  add(...values: string[]): void {
    const key = values.join(' ');
    let cell = this.cells.get(key);
    if (!cell) {
      const own = Object.fromEntries(this.labelNames.map((name, i) => [name, values[i] ?? '']));
      cell = { labels: { ...this.constant, ...own }, count: 0 };
      this.cells.set(key, cell);
    }
    cell.count++;
  }
}
