import { timingSafeEqual } from 'node:crypto';
import { parseTime } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../object-access.js';
import type { TokenAuthenticator, TokenIdentity } from './authenticator.js';

const format = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupFormat = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

function sameSecret(a: string, b: string): boolean {
  const x = Buffer.from(a);
  const y = Buffer.from(b);
  return x.length === y.length && timingSafeEqual(x, y);
}

/**
 * Bootstrap tokens (`abcdef.0123456789abcdef`): secrets of type bootstrap.kubernetes.io/token in kube-system. The user
 * is `system:bootstrap:<id>` in system:bootstrappers.
 */
export class BootstrapTokenAuthenticator implements TokenAuthenticator {
  constructor(private readonly objects: ObjectAccess) {}

  async authenticateToken(token: string): Promise<TokenIdentity | undefined> {
    const parts = format.exec(token);
    if (!parts) return undefined;
    const [, id = '', key = ''] = parts;
    const secret = await this.objects.get({ group: '', resource: 'secrets' }, 'kube-system', `bootstrap-token-${id}`);
    if (!secret || secret.metadata.deletionTimestamp || secret.type !== 'bootstrap.kubernetes.io/token')
      return undefined;
    const data = (secret.data ?? {}) as Record<string, string>;
    const text = (name: string) => Buffer.from(data[name] ?? '', 'base64').toString();
    if (text('token-id') !== id || !sameSecret(text('token-secret'), key)) return undefined;
    const expiration = text('expiration');
    const expiresAt = expiration === '' ? undefined : parseTime(expiration);
    if (expiration !== '' && (expiresAt === undefined || expiresAt <= Date.now())) return undefined;
    if (text('usage-bootstrap-authentication') !== 'true') return undefined;
    const extra = text('auth-extra-groups')
      .split(',')
      .filter((g) => g !== '');
    if (extra.some((g) => !groupFormat.test(g))) return undefined;
    return {
      user: { name: `system:bootstrap:${id}`, groups: ['system:bootstrappers', ...new Set(extra)] },
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  }
}
