import {
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  type WriteStream,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Logger } from '@kubelab/component-base';

export interface AuditLogOptions {
  /** `-` for standard output. */
  path: string;
  /** Megabytes; the file is put aside at this size. 0: 100. */
  maxSizeMb: number;
  /** How many files that were put aside are kept; 0: all. */
  maxBackups: number;
  /** Days after which they are removed; 0: never. */
  maxAgeDays: number;
}

const dayMs = 24 * 60 * 60 * 1000;
/** What may wait for a slow disk; events beyond are dropped and counted rather than kept in memory. */
const maxPendingBytes = 32 * 1024 * 1024;

/** Writes audit events as lines to a file that is put aside when it is large (--audit-log-*). */
export class AuditLog {
  private stream: WriteStream | undefined;
  private size = 0;
  dropped = 0;

  constructor(
    private readonly options: AuditLogOptions,
    private readonly logger: Logger,
  ) {
    if (options.path !== '-') {
      mkdirSync(dirname(options.path), { recursive: true });
      this.open();
    }
  }

  write(line: string): void {
    const { stream } = this;
    if (!stream) {
      process.stdout.write(line);
      return;
    }
    if (stream.writableLength > maxPendingBytes) {
      this.dropped++;
      return;
    }
    const bytes = Buffer.byteLength(line);
    if (this.size > 0 && this.size + bytes > (this.options.maxSizeMb || 100) * 1024 * 1024) this.rotate();
    this.size += bytes;
    this.stream?.write(line);
  }

  close(): Promise<void> {
    const { stream } = this;
    return new Promise((resolve) => (stream ? stream.end(() => resolve()) : resolve()));
  }

  private open(): void {
    const { path } = this.options;
    this.size = existsSync(path) ? statSync(path).size : 0;
    // Opened at once: the file must be there when it is put aside.
    this.stream = createWriteStream(path, { fd: openSync(path, 'a', 0o600) });
    this.stream.on('error', (error) => this.logger.error('Cannot write the audit log', { path, error }));
  }

  private rotate(): void {
    const { path } = this.options;
    this.stream?.end();
    try {
      renameSync(path, this.backupName(new Date()));
      this.removeOld();
    } catch (error) {
      this.logger.error('Cannot put the audit log aside', { path, error });
    }
    this.open();
  }

  /** As lumberjack names them: audit-2024-05-01T10-20-30.000.log. */
  private backupName(now: Date): string {
    const { dir, stem, extension } = this.parts();
    return join(dir, `${stem}-${now.toISOString().slice(0, 23).replaceAll(':', '-')}${extension}`);
  }

  private parts(): { dir: string; stem: string; extension: string } {
    const file = basename(this.options.path);
    const dot = file.lastIndexOf('.');
    return {
      dir: dirname(this.options.path),
      stem: dot > 0 ? file.slice(0, dot) : file,
      extension: dot > 0 ? file.slice(dot) : '',
    };
  }

  private removeOld(): void {
    const { dir, stem, extension } = this.parts();
    const form = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/;
    const backups = readdirSync(dir)
      .filter((f) => f.startsWith(`${stem}-`) && f.endsWith(extension))
      .filter((f) => form.test(f.slice(stem.length + 1, f.length - extension.length)))
      .sort()
      .reverse();
    const { maxBackups, maxAgeDays } = this.options;
    for (const [i, file] of backups.entries()) {
      const tooMany = maxBackups > 0 && i >= maxBackups;
      const tooOld = maxAgeDays > 0 && Date.now() - statSync(join(dir, file)).mtimeMs > maxAgeDays * dayMs;
      if (tooMany || tooOld) unlinkSync(join(dir, file));
    }
  }
}
