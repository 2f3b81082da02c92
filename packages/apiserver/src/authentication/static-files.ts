import { readFileSync } from 'node:fs';
import type { TokenAuthenticator, TokenIdentity } from './authenticator.js';

/** One line of CSV with double quotes. */
export function splitCsv(line: string): string[] {
  const out: string[] = [];
  let current = '';
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (quoted && c === '"' && line[i + 1] === '"') {
      current += '"';
      i++;
    } else if (c === '"') quoted = !quoted;
    else if (c === ',' && !quoted) {
      out.push(current.trim());
      current = '';
    } else current += c;
  }
  out.push(current.trim());
  return out;
}

/** The static token file: lines of `token,user,uid[,"group1,group2"]`. Read once, as Kubernetes does. */
export class StaticTokenAuthenticator implements TokenAuthenticator {
  private readonly tokens = new Map<string, TokenIdentity>();

  /** @throws Error when a line has fewer than three columns or the file can't be read */
  constructor(path: string) {
    readFileSync(path, 'utf8')
      .split(/\r?\n/)
      .forEach((line, i) => {
        if (line.trim() === '') return;
        const [token = '', name, uid, groups = ''] = splitCsv(line);
        if (name === undefined || uid === undefined) {
          throw new Error(
            `token file ${path} must have at least 3 columns (token, user name, user uid), found line ${i + 1}`,
          );
        }
        if (token === '') return;
        this.tokens.set(token, {
          user: { name, ...(uid ? { uid } : {}), groups: groups === '' ? [] : groups.split(',').map((g) => g.trim()) },
        });
      });
  }

  async authenticateToken(token: string): Promise<TokenIdentity | undefined> {
    return this.tokens.get(token);
  }
}
