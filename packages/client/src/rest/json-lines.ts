const newline = 0x0a;

/**
 * Splits a stream of bytes at newlines. Looks at bytes, not at decoded text, so a character cut in two by a chunk
 * border stays whole, and nothing is copied but lines that span chunks.
 */
export class LineSplitter {
  private pending: Buffer[] = [];

  /** The lines that this chunk completed, without newlines; empty lines are left out. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    let end = chunk.indexOf(newline);
    while (end >= 0) {
      if (this.pending.length > 0) {
        this.pending.push(chunk.subarray(start, end));
        lines.push(Buffer.concat(this.pending).toString('utf8'));
        this.pending = [];
      } else if (end > start) {
        lines.push(chunk.toString('utf8', start, end));
      }
      start = end + 1;
      end = chunk.indexOf(newline, start);
    }
    if (start < chunk.length) this.pending.push(chunk.subarray(start));
    return lines.filter((line) => line.length > 0);
  }

  /** Bytes after the last newline: not empty at the end of a stream that was cut inside a line. */
  rest(): string {
    return Buffer.concat(this.pending).toString('utf8');
  }
}
