import { readFileSync, statSync } from 'node:fs';
import type { ClientConfig } from './config.js';

/** What a connection and a request need to authenticate, read from files where configured. */
export interface Credentials {
  ca?: string;
  cert?: string;
  key?: string;
  token?: string;
}

/** How often files are looked at again, in milliseconds. */
const recheckMs = 1_000;

/**
 * Reads the credential files of a configuration and reads them again when one changed. A failed re-read (a file
 * being replaced) keeps the last good values.
 */
export class CredentialSource {
  private current: Credentials;
  private stamp: string;
  private checkedAt = Date.now();
  /** Raised each time the TLS material (not the token) changed: connections made before must not be reused. */
  generation = 0;

  constructor(private readonly config: ClientConfig) {
    this.stamp = this.fileStamp();
    this.current = this.read();
  }

  get(): Credentials {
    const now = Date.now();
    if (now - this.checkedAt >= recheckMs) {
      this.checkedAt = now;
      this.refresh();
    }
    return this.current;
  }

  /** Looks at the files now, for example after a 401. Returns whether anything changed. */
  refresh(): boolean {
    const { caFile, certFile, keyFile, tokenFile } = this.config;
    if (!caFile && !certFile && !keyFile && !tokenFile) return false;
    try {
      const stamp = this.fileStamp();
      if (stamp === this.stamp) return false;
      const next = this.read();
      const old = this.current;
      if (next.ca !== old.ca || next.cert !== old.cert || next.key !== old.key) this.generation++;
      this.current = next;
      this.stamp = stamp;
      return true;
    } catch {
      // A file is being replaced right now: the stamp stays old, so the next look tries again.
      return false;
    }
  }

  private fileStamp(): string {
    const files = [this.config.caFile, this.config.certFile, this.config.keyFile, this.config.tokenFile];
    return files
      .map((file) => {
        if (!file) return '';
        const stat = statSync(file);
        return `${stat.ino}:${stat.mtimeMs}:${stat.size}`;
      })
      .join('|');
  }

  private read(): Credentials {
    const { config } = this;
    const text = (file: string | undefined, inline: string | undefined): string | undefined =>
      file ? readFileSync(file, 'utf8') : inline;
    return {
      ca: text(config.caFile, config.caPem),
      cert: text(config.certFile, config.certPem),
      key: text(config.keyFile, config.keyPem),
      token: text(config.tokenFile, config.token)?.trim() || undefined,
    };
  }
}
