import { randomInt } from 'node:crypto';
import { Bitmap } from './bitmap.js';
import { AlreadyAllocatedError, RangeFullError } from './errors.js';

/** Where a range's state is kept: one value in etcd, written by compare-and-swap. */
export interface RangeStore {
  /** The value and the revision it was written at; undefined when there is none yet. */
  read(key: string): Promise<{ value: string; revision: string } | undefined>;
  /** Writes if the value is still at the revision (undefined: if there is none). Resolves to false when it is not. */
  write(key: string, value: string, revision: string | undefined): Promise<boolean>;
}

export interface RangeAllocatorOptions {
  store: RangeStore;
  /** Where the bitmap is kept. */
  key: string;
  /** The range's text: state of another range (the flag was changed) is not used. */
  range: string;
  size: number;
  /** Random choice prefers numbers from here on, leaving those below to explicit requests (KEP-3668). */
  staticBand: number;
  /** Told how many numbers are taken, whenever that was seen. */
  onCount?(allocated: number): void;
}

interface Snapshot {
  range: string;
  data: string;
}

const maxAttempts = 64;

/**
 * Hands out the numbers of a range, each once, among any number of API servers: the state is a bitmap in etcd, and a
 * change of it is a compare-and-swap. A dry run changes nothing, but fails as the change would.
 */
export class RangeAllocator {
  constructor(private readonly options: RangeAllocatorOptions) {}

  /** Takes one number. @throws AlreadyAllocatedError */
  async allocate(n: number, dryRun = false): Promise<void> {
    await this.change(dryRun, (bitmap) => {
      if (bitmap.has(n)) {
        throw new AlreadyAllocatedError(`${n} is already allocated`);
      }
      bitmap.add(n);
    });
  }

  /**
   * Takes any free number. @throws RangeFullError
   * @param besides numbers that a dry run has chosen already, and so cannot find in the state
   */
  async allocateNext(dryRun = false, besides: Iterable<number> = []): Promise<number> {
    const { size, staticBand } = this.options;
    let chosen = 0;
    await this.change(dryRun, (bitmap) => {
      for (const n of dryRun ? besides : []) {
        bitmap.add(n);
      }
      const free = bitmap.nextFree(randomInt(staticBand, size), staticBand) ?? bitmap.nextFree(0);
      if (free === undefined) {
        throw new RangeFullError();
      }
      bitmap.add(free);
      chosen = free;
    });
    return chosen;
  }

  async release(n: number): Promise<void> {
    await this.change(false, (bitmap) => bitmap.delete(n));
  }

  /** Makes the state what the objects say: for what a crash between two writes left behind. */
  async repair(used: () => Promise<Iterable<number>>): Promise<void> {
    const { store, key, size, onCount } = this.options;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      // The state is read before the objects: what is allocated in between makes the write fail, and a new round.
      const current = await store.read(key);
      const bitmap = new Bitmap(size);
      for (const n of await used()) {
        if (n >= 0 && n < size) {
          bitmap.add(n);
        }
      }
      const value = this.encode(bitmap);
      if (current?.value === value || (await store.write(key, value, current?.revision))) {
        onCount?.(bitmap.count());
        return;
      }
    }
    throw new Error(`${key}: too many conflicting writes`);
  }

  private async change(dryRun: boolean, apply: (bitmap: Bitmap) => void): Promise<void> {
    const { store, key, range, size, onCount } = this.options;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const current = await store.read(key);
      const known = current ? (JSON.parse(current.value) as Snapshot) : undefined;
      const bitmap = new Bitmap(size, known?.range === range ? known.data : undefined);
      apply(bitmap);
      if (dryRun) {
        return;
      }
      if (await store.write(key, this.encode(bitmap), current?.revision)) {
        onCount?.(bitmap.count());
        return;
      }
    }
    throw new Error(`${key}: too many conflicting writes`);
  }

  private encode(bitmap: Bitmap): string {
    return JSON.stringify({ range: this.options.range, data: bitmap.encode() } satisfies Snapshot);
  }
}
