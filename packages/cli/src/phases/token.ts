import { randomInt } from 'node:crypto';
import type { KubeObject } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';

/** The group of users authenticated by a token made for joining nodes. */
export const nodeTokenGroup = 'system:bootstrappers:kubelab:default-node-token';

const secrets = { group: '', version: 'v1', resource: 'secrets' };
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

export interface BootstrapToken {
  id: string;
  /** ID.SECRET, what `join --token` takes. Never logged. */
  token: string;
  expiresAt?: string;
  description?: string;
}

/** Splits a token of the form [a-z0-9]{6}.[a-z0-9]{16}; throws for anything else, without repeating it. */
export function parseToken(token: string): { id: string; secret: string } {
  const match = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(token);
  if (!match) {
    throw new Error('the token is not of the form "abcdef.0123456789abcdef"');
  }
  return { id: match[1] as string, secret: match[2] as string };
}

/**
 * Creates a bootstrap token (Secret of type bootstrap.kubernetes.io/token) that ends after the given time: a random one,
 * or the one given, which must not be there yet.
 */
export async function createToken(
  client: Client,
  ttlMs: number,
  description: string,
  given?: string,
): Promise<BootstrapToken> {
  const { id, secret } = given === undefined ? { id: randomText(6), secret: randomText(16) } : parseToken(given);
  const expiresAt = ttlMs > 0 ? new Date(Date.now() + ttlMs).toISOString().replace(/\.\d+Z$/, 'Z') : undefined;
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'kube-system', name: `bootstrap-token-${id}` },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': id,
      'token-secret': secret,
      description,
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
      'auth-extra-groups': nodeTokenGroup,
      ...(expiresAt ? { expiration: expiresAt } : {}),
    },
  };
  await client.resource(secrets).namespace('kube-system').create(object);
  return { id, token: `${id}.${secret}`, expiresAt, description };
}

/** The tokens there are, with their ids only. */
export async function listTokens(client: Client): Promise<Omit<BootstrapToken, 'token'>[]> {
  const list = await client
    .resource(secrets)
    .namespace('kube-system')
    .list({ fieldSelector: 'type=bootstrap.kubernetes.io/token' });
  return list.items.map((item) => {
    const data = (item.data ?? {}) as Record<string, string>;
    const text = (key: string) => (data[key] ? Buffer.from(data[key], 'base64').toString() : undefined);
    return { id: text('token-id') ?? '', expiresAt: text('expiration'), description: text('description') };
  });
}

export async function deleteToken(client: Client, idOrToken: string): Promise<void> {
  const id = idOrToken.split('.')[0] ?? '';
  await client.resource(secrets).namespace('kube-system').delete(`bootstrap-token-${id}`);
}

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
