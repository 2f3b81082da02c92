/** The bytes are no message of the expected form. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

/** Reads protobuf's basic forms from a buffer; every read is checked against its end. */
export class WireReader {
  private offset: number;

  constructor(
    private readonly bytes: Buffer,
    start = 0,
    private readonly end = bytes.length,
  ) {
    this.offset = start;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  tag(): { field: number; wireType: number } {
    const value = Number(this.varint());
    return { field: Math.floor(value / 8), wireType: value % 8 };
  }

  /** A varint as unsigned 64 bits. */
  varint(): bigint {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.offset >= this.end) {
        throw new ProtobufError('unexpected EOF');
      }
      const byte = this.bytes[this.offset++] as number;
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        return result & 0xffffffffffffffffn;
      }
    }
    throw new ProtobufError('proto: integer overflow');
  }

  /** A signed 64 bit varint as a number. */
  int(): number {
    return Number(BigInt.asIntN(64, this.varint()));
  }

  double(): number {
    this.need(8);
    const value = this.bytes.readDoubleLE(this.offset);
    this.offset += 8;
    return value;
  }

  chunk(): Buffer {
    const length = Number(this.varint());
    this.need(length);
    const chunk = this.bytes.subarray(this.offset, this.offset + length);
    this.offset += length;
    return chunk;
  }

  /** Passes over a field that is not known. */
  skip(wireType: number): void {
    switch (wireType) {
      case 0:
        this.varint();
        break;
      case 1:
        this.need(8);
        this.offset += 8;
        break;
      case 2:
        this.chunk();
        break;
      case 5:
        this.need(4);
        this.offset += 4;
        break;
      default:
        throw new ProtobufError(`proto: illegal wireType ${wireType}`);
    }
  }

  private need(length: number): void {
    if (!Number.isSafeInteger(length) || length < 0 || this.offset + length > this.end) {
      throw new ProtobufError('unexpected EOF');
    }
  }
}
