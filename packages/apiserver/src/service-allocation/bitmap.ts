/** A set of numbers 0..size-1, kept as bits so that a whole Service range fits into one small value. */
export class Bitmap {
  private readonly bytes: Buffer;

  constructor(
    readonly size: number,
    encoded?: string,
  ) {
    this.bytes = Buffer.alloc(Math.ceil(size / 8));
    if (encoded) {
      Buffer.from(encoded, 'base64').copy(this.bytes);
    }
  }

  has(n: number): boolean {
    return ((this.bytes[n >> 3] ?? 0) & (1 << (n & 7))) !== 0;
  }

  add(n: number): void {
    this.bytes[n >> 3] = (this.bytes[n >> 3] ?? 0) | (1 << (n & 7));
  }

  delete(n: number): void {
    this.bytes[n >> 3] = (this.bytes[n >> 3] ?? 0) & ~(1 << (n & 7));
  }

  /** The first free number at or after `from`, wrapping around to `low`; undefined when all are taken. */
  nextFree(from: number, low = 0): number | undefined {
    const span = this.size - low;
    for (let i = 0; i < span; i++) {
      const n = low + ((from - low + i) % span);
      if (!this.has(n)) {
        return n;
      }
    }
    return undefined;
  }

  /** How many numbers are in the set. */
  count(): number {
    let count = 0;
    for (let byte of this.bytes) {
      for (; byte !== 0; byte &= byte - 1) {
        count++;
      }
    }
    return count;
  }

  encode(): string {
    return this.bytes.toString('base64');
  }
}
