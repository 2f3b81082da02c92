const firstSize = 16 * 1024;
/** Larger buffers are not kept for the next message. */
const keptSize = 1024 * 1024;

/**
 * Writes protobuf's basic forms from the end of a buffer to its start: the length of a message is known when its head
 * is written, so nothing is measured or moved. Fields are written in the reverse of the order that readers see.
 */
export class WireWriter {
  private bytes = Buffer.allocUnsafe(firstSize);
  private start = firstSize;

  /** Where the writer is: what is written from here on has the length `mark() - earlier mark()`, negated. */
  mark(): number {
    return this.bytes.length - this.start;
  }

  /** A copy of what was written since the last call. */
  take(): Buffer {
    const result = Buffer.from(this.bytes.subarray(this.start));
    if (this.bytes.length > keptSize) {
      this.bytes = Buffer.allocUnsafe(firstSize);
    }
    this.start = this.bytes.length;
    return result;
  }

  /** Drops what was written since the last take(), after a failure. */
  reset(): void {
    this.start = this.bytes.length;
  }

  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  /** The head of what was written since the mark, as a field of its length. */
  head(field: number, since: number): void {
    this.varint(this.mark() - since);
    this.tag(field, 2);
  }

  /** An integer of at most 53 bits; negative ones have ten bytes, as int32 and int64 do. */
  varint(value: number): void {
    if (value < 0) {
      this.bigVarint(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    if (value < 0x80) {
      this.reserve(1);
      this.bytes[this.start] = value;
      return;
    }
    const size = varintSize(value);
    this.reserve(size);
    let rest = value;
    for (let i = 0; i < size; i++) {
      this.bytes[this.start + i] = (rest % 128) + (i < size - 1 ? 0x80 : 0);
      rest = Math.floor(rest / 128);
    }
  }

  bool(value: boolean): void {
    this.varint(value ? 1 : 0);
  }

  double(value: number): void {
    this.reserve(8);
    this.bytes.writeDoubleLE(value, this.start);
  }

  text(value: string): void {
    const size = Buffer.byteLength(value);
    this.reserve(size);
    this.bytes.write(value, this.start, size);
  }

  raw(value: Buffer): void {
    this.reserve(value.length);
    value.copy(this.bytes, this.start);
  }

  private bigVarint(value: bigint): void {
    const digits: number[] = [];
    for (let rest = value; rest > 0n; rest >>= 7n) {
      digits.push(Number(rest & 0x7fn));
    }
    this.reserve(digits.length);
    for (const [i, digit] of digits.entries()) {
      this.bytes[this.start + i] = digit + (i < digits.length - 1 ? 0x80 : 0);
    }
  }

  private reserve(size: number): void {
    if (size > this.start) {
      const used = this.bytes.length - this.start;
      let length = this.bytes.length * 2;
      while (length < used + size) {
        length *= 2;
      }
      const larger = Buffer.allocUnsafe(length);
      this.bytes.copy(larger, length - used, this.start);
      this.bytes = larger;
      this.start = length - used;
    }
    this.start -= size;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    size++;
  }
  return size;
}
