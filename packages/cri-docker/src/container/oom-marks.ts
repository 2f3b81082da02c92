import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Which containers ran out of memory without Docker's knowledge; kept in files, so that a restarted shim says the same. */
export class OomMarks {
  readonly #dir: string;

  constructor(stateDir: string) {
    this.#dir = join(stateDir, 'out-of-memory');
  }

  has(id: string): boolean {
    return existsSync(join(this.#dir, id));
  }

  add(id: string): void {
    mkdirSync(this.#dir, { recursive: true });
    writeFileSync(join(this.#dir, id), '');
  }

  remove(id: string): void {
    rmSync(join(this.#dir, id), { force: true });
  }

  /** Removes the marks of containers that are not there any more. */
  keepOnly(ids: Set<string>): void {
    if (!existsSync(this.#dir)) return;
    for (const id of readdirSync(this.#dir)) if (!ids.has(id)) this.remove(id);
  }
}
