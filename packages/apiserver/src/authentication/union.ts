import type { IncomingMessage } from 'node:http';
import { newUnauthorized } from '@kubelab/apimachinery';
import { type Authenticator, systemGroup, systemUser, type UserInfo } from './authenticator.js';

const anonymousUser: UserInfo = Object.freeze({ name: systemUser.anonymous, groups: [systemGroup.unauthenticated] });

/** Whether anonymous requests are served, and for which paths (empty: all). */
export interface AnonymousOptions {
  enabled: boolean;
  paths?: string[];
}

const withAuthenticated = new WeakMap<UserInfo, UserInfo>();

/** Adds the group of all authenticated users; the same object for the same user, so that caches keyed by it hit. */
function asAuthenticated(user: UserInfo): UserInfo {
  if (user.groups.includes(systemGroup.authenticated) || user.groups.includes(systemGroup.unauthenticated)) return user;
  let out = withAuthenticated.get(user);
  if (!out) {
    out = { ...user, groups: [...user.groups, systemGroup.authenticated] };
    withAuthenticated.set(user, out);
  }
  return out;
}

/** The request's authenticator: all methods in order, then anonymous. */
export class RequestAuthenticator {
  constructor(
    private readonly methods: Authenticator[],
    private readonly anonymous: AnonymousOptions,
    private readonly onRefusal: (err: unknown) => void = () => undefined,
  ) {}

  /**
   * @returns the user, never undefined
   * @throws StatusError 401 when credentials are wrong, or there are none and anonymous access is off
   */
  async authenticate(req: IncomingMessage): Promise<UserInfo> {
    let refused = false;
    for (const m of this.methods) {
      try {
        const user = await m.authenticate(req);
        if (user) return asAuthenticated(user);
      } catch (err) {
        refused = true;
        this.onRefusal(err);
      }
    }
    if (refused || !this.anonymousAllowed(req)) throw newUnauthorized();
    return anonymousUser;
  }

  private anonymousAllowed(req: IncomingMessage): boolean {
    if (!this.anonymous.enabled) return false;
    if (!this.anonymous.paths || this.anonymous.paths.length === 0) return true;
    const path = (req.url ?? '').split('?')[0] ?? '';
    return this.anonymous.paths.includes(path);
  }
}
