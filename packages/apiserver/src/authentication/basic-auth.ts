import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { AuthenticationError, type Authenticator, type UserInfo } from './authenticator.js';
import { splitCsv } from './static-files.js';

const digest = (text: string) => createHash('sha256').update(text).digest();

/**
 * The basic-auth file of Kubernetes before 1.19: lines of `password,user,uid[,"group1,group2"]`. Off unless
 * --basic-auth-file names one.
 */
export class BasicAuthAuthenticator implements Authenticator {
  private readonly users = new Map<string, { password: Buffer; user: UserInfo }>();

  /** @throws Error when a line has fewer than three columns or the file can't be read */
  constructor(path: string) {
    readFileSync(path, 'utf8')
      .split(/\r?\n/)
      .forEach((line, i) => {
        if (line.trim() === '') return;
        const [password = '', name, uid, groups = ''] = splitCsv(line);
        if (name === undefined || uid === undefined) {
          throw new Error(
            `password file ${path} must have at least 3 columns (password, user name, user uid), found line ${i + 1}`,
          );
        }
        const user = { name, ...(uid ? { uid } : {}), groups: groups.split(',').flatMap((g) => g.trim() || []) };
        this.users.set(name, { password: digest(password), user });
      });
  }

  async authenticate(req: IncomingMessage): Promise<UserInfo | undefined> {
    const given = /^basic +(\S+)\s*$/i.exec(req.headers.authorization ?? '')?.[1];
    if (given === undefined) return undefined;
    const [name = '', ...rest] = Buffer.from(given, 'base64').toString().split(':');
    const known = this.users.get(name);
    if (!known || !timingSafeEqual(known.password, digest(rest.join(':')))) {
      throw new AuthenticationError('invalid user name or password');
    }
    return known.user;
  }
}
