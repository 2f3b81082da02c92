/**
 * Docker's multiplexed stream of attach and exec without a terminal: frames with an 8 byte head, its first byte the
 * stream (1 stdout, 2 stderr), its last four the length.
 */
export class Demux {
  #pending: Buffer = Buffer.alloc(0);

  constructor(private readonly onData: (stream: 'stdout' | 'stderr', chunk: Buffer) => void) {}

  push(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 8) {
      const size = this.#pending.readUInt32BE(4);
      if (this.#pending.length < 8 + size) return;
      const payload = this.#pending.subarray(8, 8 + size);
      if (payload.length > 0) this.onData(this.#pending.readUInt8(0) === 2 ? 'stderr' : 'stdout', payload);
      this.#pending = this.#pending.subarray(8 + size);
    }
  }
}
