import type { V1Secret } from '@kubelab/api';

export const bootstrapTokenType = 'bootstrap.kubernetes.io/token';

export interface BootstrapToken {
  id: string;
  secret: string;
  usages: { signing: boolean; authentication: boolean };
  /** Milliseconds since the epoch; undefined if it never expires, NaN if the time is unreadable. */
  expiresAtMs: number | undefined;
}

/** Reads a bootstrap token secret; undefined if it is none or not a valid one (its name must carry its id). */
export function parseTokenSecret(secret: V1Secret): BootstrapToken | undefined {
  if (secret.type !== bootstrapTokenType) return undefined;
  const text = (key: string): string | undefined => {
    const value = secret.data?.[key];
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
  };
  const id = text('token-id');
  const value = text('token-secret');
  if (!id || !value || secret.metadata?.name !== `bootstrap-token-${id}`) return undefined;
  const expiration = text('expiration');
  return {
    id,
    secret: value,
    usages: {
      signing: text('usage-bootstrap-signing') === 'true',
      authentication: text('usage-bootstrap-authentication') === 'true',
    },
    expiresAtMs: expiration ? Date.parse(expiration) : undefined,
  };
}

/** A token whose expiry cannot be read counts as expired: better to ask for a new one than to keep a door open. */
export function isExpired(token: BootstrapToken, nowMs: number): boolean {
  return token.expiresAtMs !== undefined && !(token.expiresAtMs > nowMs);
}
