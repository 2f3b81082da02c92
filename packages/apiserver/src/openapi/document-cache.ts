import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

/** An encoded document that is served again and again: its bytes, their hash and, once asked for, its gzipped form. */
export class CachedDocument {
  readonly hash: string;
  #zipped: Promise<Buffer> | undefined;

  constructor(
    readonly bytes: Buffer,
    readonly contentType: string,
  ) {
    this.hash = createHash('sha512').update(bytes).digest('hex').toUpperCase();
  }

  gzipped(): Promise<Buffer> {
    this.#zipped ??= compress(this.bytes, { level: 4 });
    return this.#zipped;
  }
}

/** A document that is built when it is first asked for, and again after it has been invalidated. */
export class LazyDocument {
  #document: CachedDocument | undefined;

  constructor(
    private readonly build: () => Buffer,
    private readonly contentType: string,
  ) {}

  get(): CachedDocument {
    this.#document ??= new CachedDocument(this.build(), this.contentType);
    return this.#document;
  }

  invalidate(): void {
    this.#document = undefined;
  }
}
