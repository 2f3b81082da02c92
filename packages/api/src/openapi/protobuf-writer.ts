/**
 * Writes protobuf messages into one growing buffer (proto3 wire format). Nested messages are written in place and
 * their length is filled in afterwards.
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(1 << 16);
  #length = 0;

  /** What has been written. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  /** A string field; empty ones are left out, as proto3 does. */
  string(field: number, value: string | undefined): void {
    if (value === undefined || value === '') return;
    const size = Buffer.byteLength(value);
    this.#tag(field, 2);
    this.#varint(size);
    this.#reserve(size);
    this.#length += this.#bytes.write(value, this.#length, 'utf8');
  }

  strings(field: number, values: string[] | undefined): void {
    for (const value of values ?? []) {
      const size = Buffer.byteLength(value);
      this.#tag(field, 2);
      this.#varint(size);
      this.#reserve(size);
      this.#length += this.#bytes.write(value, this.#length, 'utf8');
    }
  }

  bool(field: number, value: boolean | undefined): void {
    if (!value) return;
    this.#tag(field, 0);
    this.#varint(1);
  }

  /** A bool inside a oneof: written even when false. */
  boolAlways(field: number, value: boolean): void {
    this.#tag(field, 0);
    this.#varint(value ? 1 : 0);
  }

  int(field: number, value: number | undefined): void {
    if (!value) return;
    this.#tag(field, 0);
    this.#varint(value);
  }

  double(field: number, value: number | undefined): void {
    if (!value) return;
    this.#tag(field, 1);
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  /** A nested message. */
  message(field: number, write: () => void): void {
    this.#tag(field, 2);
    const start = this.#length;
    // Most messages are longer than 127 bytes: two bytes are kept for the length, moved when that is wrong.
    this.#reserve(2);
    this.#length += 2;
    write();
    const size = this.#length - start - 2;
    const width = size < 0x80 ? 1 : size < 0x4000 ? 2 : size < 0x200000 ? 3 : size < 0x10000000 ? 4 : 5;
    if (width !== 2) {
      this.#reserve(4);
      this.#bytes.copyWithin(start + width, start + 2, start + 2 + size);
    }
    this.#length = start;
    this.#varint(size);
    this.#length += size;
  }

  #tag(field: number, wire: number): void {
    this.#varint(field * 8 + wire);
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return;
    const bigger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + size));
    this.#bytes.copy(bigger, 0, 0, this.#length);
    this.#bytes = bigger;
  }
}
