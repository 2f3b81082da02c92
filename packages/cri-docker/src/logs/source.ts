import { type FileHandle, open, stat } from 'node:fs/promises';

/** Where in Docker's log one is: the file by its inode, and a byte offset in it. */
export interface SourcePosition {
  ino: number;
  offset: number;
}

const newline = 0x0a;

/** Reads whole lines of Docker's json-file log, through its rotations (`-json.log` -> `.1` -> `.2`). */
export class LogSource {
  #handle: FileHandle | undefined;
  #ino = 0;
  /** Offset of the next byte to read. */
  #offset = 0;
  #partial: Buffer = Buffer.alloc(0);
  readonly #chunk = Buffer.allocUnsafe(256 * 1024);

  /**
   * @param path the file Docker writes to
   * @param maxFiles how many there are with the rotated ones
   * @param onGap told when lines were rotated away unread
   */
  constructor(
    private readonly path: string,
    private readonly maxFiles: number,
    private readonly onGap: () => void,
  ) {}

  /** Goes to where reading had stopped, or to the beginning of the oldest file. */
  async seek(position: SourcePosition | null): Promise<void> {
    if (!position) return;
    const files = await this.#files();
    const found = files.find((file) => file.ino === position.ino);
    if (found) await this.#use(found.path, position.offset);
    else this.onGap();
  }

  /** Up to 256 KiB of whole lines, and the position behind them. Undefined when there is nothing new. */
  async read(): Promise<{ lines: Buffer; position: SourcePosition } | undefined> {
    for (;;) {
      if (!this.#handle && !(await this.#openOldest())) return undefined;
      const handle = this.#handle as FileHandle;
      const { bytesRead } = await handle.read(this.#chunk, 0, this.#chunk.length, this.#offset);
      if (bytesRead === 0) {
        if (await this.#next()) continue;
        return undefined;
      }
      this.#offset += bytesRead;
      const data = Buffer.concat([this.#partial, this.#chunk.subarray(0, bytesRead)]);
      const end = data.lastIndexOf(newline) + 1;
      this.#partial = data.subarray(end);
      if (end === 0) continue;
      return {
        lines: data.subarray(0, end),
        position: { ino: this.#ino, offset: this.#offset - this.#partial.length },
      };
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #openOldest(): Promise<boolean> {
    const oldest = (await this.#files()).at(-1);
    if (!oldest) return false;
    await this.#use(oldest.path, 0);
    return true;
  }

  /** Moves on to the file after the one that is read to its end; false when Docker still writes to this one. */
  async #next(): Promise<boolean> {
    const files = await this.#files();
    const index = files.findIndex((file) => file.ino === this.#ino);
    if (index === 0 || files.length === 0) return false;
    // Docker may have written between the last read and the rotation.
    const size = (await (this.#handle as FileHandle).stat()).size;
    if (size > this.#offset) return true;
    if (index < 0) this.onGap();
    const next = index < 0 ? files.at(-1) : files[index - 1];
    await this.#use(next?.path ?? this.path, 0);
    return true;
  }

  async #use(path: string, offset: number): Promise<void> {
    const handle = await open(path, 'r');
    await this.close();
    this.#handle = handle;
    this.#ino = (await handle.stat()).ino;
    this.#offset = offset;
    this.#partial = Buffer.alloc(0);
  }

  /** The files there are, the newest first. */
  async #files(): Promise<{ path: string; ino: number }[]> {
    const files: { path: string; ino: number }[] = [];
    for (let i = 0; i < this.maxFiles; i++) {
      const path = i === 0 ? this.path : `${this.path}.${i}`;
      try {
        files.push({ path, ino: (await stat(path)).ino });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    return files;
  }
}
