import type { IncomingMessage } from 'node:http';
import {
  AuthenticationError,
  type Authenticator,
  type TokenAuthenticator,
  type TokenIdentity,
  type UserInfo,
} from './authenticator.js';

/** The bearer token of a request: the Authorization header, or a WebSocket's subprotocol. */
export function bearerToken(req: IncomingMessage): string | undefined {
  const header = req.headers.authorization;
  if (header !== undefined) {
    const m = /^bearer +(\S+)\s*$/i.exec(header);
    return m?.[1];
  }
  // Browsers can't set headers on a WebSocket.
  const protocols = req.headers['sec-websocket-protocol'];
  const m = /(?:^|,)\s*base64url\.bearer\.authorization\.k8s\.io\.([\w-]+)/.exec(protocols ?? '');
  return m?.[1] ? Buffer.from(m[1], 'base64url').toString() : undefined;
}

/** Authenticates bearer tokens by several token authenticators in turn. */
export class BearerTokenAuthenticator implements Authenticator {
  constructor(private readonly tokens: TokenAuthenticator) {}

  async authenticate(req: IncomingMessage): Promise<UserInfo | undefined> {
    const token = bearerToken(req);
    if (token === undefined) return undefined;
    const identity = await this.tokens.authenticateToken(token, []);
    // A token is there and nobody knows it: refused, not anonymous.
    if (!identity) throw new AuthenticationError('invalid bearer token');
    return identity.user;
  }
}

/** Asks token authenticators in order. A refusal counts only when no other one accepts. */
export class UnionTokenAuthenticator implements TokenAuthenticator {
  constructor(private readonly members: TokenAuthenticator[]) {}

  async authenticateToken(token: string, audiences: string[]): Promise<TokenIdentity | undefined> {
    let refusal: unknown;
    for (const m of this.members) {
      try {
        const identity = await m.authenticateToken(token, audiences);
        if (identity) return identity;
      } catch (err) {
        refusal = err;
      }
    }
    if (refusal !== undefined) throw refusal;
    return undefined;
  }
}

interface Cached {
  identity?: TokenIdentity;
  error?: unknown;
  until: number;
}

/**
 * Remembers answers for some seconds, by token and audiences: a token is verified (signature, objects, webhooks) once
 * in that time. Deleting the account or the pod therefore takes effect after at most that time, as in Kubernetes.
 */
export class CachedTokenAuthenticator implements TokenAuthenticator {
  private readonly cache = new Map<string, Promise<Cached>>();
  private readonly entries = new Map<string, Cached>();

  constructor(
    private readonly inner: TokenAuthenticator,
    private readonly successMs = 10_000,
    private readonly failureMs = 0,
    private readonly maxEntries = 8192,
  ) {}

  async authenticateToken(token: string, audiences: string[]): Promise<TokenIdentity | undefined> {
    const key = audiences.length === 0 ? token : `${token} ${audiences.join(' ')}`;
    let entry = this.entries.get(key);
    if (!entry || entry.until <= Date.now()) {
      // Requests that come while one is verifying wait for the same answer.
      let pending = this.cache.get(key);
      if (!pending) {
        pending = this.ask(token, audiences).finally(() => this.cache.delete(key));
        this.cache.set(key, pending);
      }
      entry = await pending;
      if (entry.until > Date.now()) this.remember(key, entry);
    }
    if (entry.error !== undefined) throw entry.error;
    return entry.identity;
  }

  private async ask(token: string, audiences: string[]): Promise<Cached> {
    try {
      const identity = await this.inner.authenticateToken(token, audiences);
      if (!identity) return { until: Date.now() + this.failureMs };
      return { identity, until: Math.min(Date.now() + this.successMs, identity.expiresAt ?? Number.POSITIVE_INFINITY) };
    } catch (error) {
      return { error, until: Date.now() + this.failureMs };
    }
  }

  private remember(key: string, entry: Cached): void {
    if (this.entries.size >= this.maxEntries) {
      // Insertion order: the oldest goes.
      const oldest = this.entries.keys().next().value;
      if (oldest !== undefined) this.entries.delete(oldest);
    }
    this.entries.delete(key);
    this.entries.set(key, entry);
  }
}
