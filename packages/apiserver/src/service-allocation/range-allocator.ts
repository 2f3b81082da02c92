import { randomInt } from 'node:crypto';
import { Bitmap } from './bitmap.js';

/** Where a range's state is kept: one value in etcd, written by compare-and-swap. */
export interface RangeStore {
  /** The value and the revision it was written at; undefined when there is none yet. */
  read(key: string): Promise<{ value: string; revision: string } | undefined>;
  /** Writes if the value is still at the revision (undefined: if there is none). Resolves to false when it is not. */
  write(key: string, value: string, revision: string | undefined): Promise<boolean>;
}

/** The number asked for is another's already. */
export class AlreadyAllocatedError extends Error {
  override readonly name = 'AlreadyAllocatedError';
}

/** No number of the range is free. */
export class RangeFullError extends Error {
  override readonly name = 'RangeFullError';
}

interface Snapshot {
  range: string;
  data: string;
}

const maxAttempts = 64;

/**
 * Hands out the numbers of a range, each once, among any number of API servers: the state is a bitmap in etcd, and a
 * change of it is a compare-and-swap.
 */
export class RangeAllocator {
  /**
   * @param key where the bitmap is kept
   * @param range the range's text: state of another range (the flag was changed) is not used
   * @param first numbers below are never handed out
   * @param staticBand random choice prefers numbers from here on, leaving those below to explicit requests (KEP-3070)
   */
  constructor(
    private readonly store: RangeStore,
    private readonly key: string,
    private readonly range: string,
    private readonly size: number,
    private readonly first: number,
    private readonly staticBand: number,
  ) {}

  /** Takes one number. @throws AlreadyAllocatedError */
  async allocate(n: number): Promise<void> {
    await this.change((bitmap) => {
      if (bitmap.has(n)) {
        throw new AlreadyAllocatedError(`${n} is already allocated`);
      }
      bitmap.add(n);
    });
  }

  /** Takes any free number. @throws RangeFullError */
  async allocateNext(): Promise<number> {
    let chosen = 0;
    await this.change((bitmap) => {
      const from = this.staticBand < this.size ? randomInt(this.staticBand, this.size) : this.first;
      const free = this.freeFrom(bitmap, from);
      if (free === undefined) {
        throw new RangeFullError('range is full');
      }
      bitmap.add(free);
      chosen = free;
    });
    return chosen;
  }

  async release(n: number): Promise<void> {
    await this.change((bitmap) => bitmap.delete(n));
  }

  /** Makes the state what the objects say: for what a crash between two writes left behind. */
  async repair(used: () => Promise<Iterable<number>>): Promise<void> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      // The state is read before the objects: what is allocated in between makes the write fail, and a new round.
      const current = await this.store.read(this.key);
      const bitmap = new Bitmap(this.size);
      for (const n of await used()) {
        if (n >= 0 && n < this.size) {
          bitmap.add(n);
        }
      }
      const value = this.encode(bitmap);
      if (current?.value === value || (await this.store.write(this.key, value, current?.revision))) {
        return;
      }
    }
    throw new Error(`${this.key}: too many conflicting writes`);
  }

  private freeFrom(bitmap: Bitmap, from: number): number | undefined {
    const upper = bitmap.nextFree(from, this.staticBand);
    return upper ?? bitmap.nextFree(this.first, this.first);
  }

  private async change(apply: (bitmap: Bitmap) => void): Promise<void> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const current = await this.store.read(this.key);
      const known = current ? (JSON.parse(current.value) as Snapshot) : undefined;
      const bitmap = new Bitmap(this.size, known?.range === this.range ? known.data : undefined);
      apply(bitmap);
      if (await this.store.write(this.key, this.encode(bitmap), current?.revision)) {
        return;
      }
    }
    throw new Error(`${this.key}: too many conflicting writes`);
  }

  private encode(bitmap: Bitmap): string {
    return JSON.stringify({ range: this.range, data: bitmap.encode() } satisfies Snapshot);
  }
}
