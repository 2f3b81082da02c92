import { type KeyObject, randomUUID, verify as verifySignature } from 'node:crypto';
import type { KubeObject } from '@kubelab/apimachinery';
import { SignJWT } from 'jose';
import type { ObjectAccess } from '../object-access.js';
import { AuthenticationError, type TokenAuthenticator, type TokenIdentity } from './authenticator.js';
import type { VerificationKey } from './service-account-keys.js';

/** The object that a token lives and dies with. */
export interface BoundObject {
  kind: 'Pod' | 'Secret' | 'Node';
  name: string;
  uid: string;
}

interface Named {
  name: string;
  uid: string;
}

interface KubernetesClaims {
  namespace: string;
  serviceaccount: Named;
  pod?: Named;
  secret?: Named;
  node?: { name: string; uid?: string };
  warnafter?: number;
}

interface Claims {
  iss?: string;
  sub?: string;
  aud?: string | string[];
  exp?: number;
  nbf?: number;
  jti?: string;
  'kubernetes.io'?: KubernetesClaims;
  'kubernetes.io/serviceaccount/namespace'?: string;
  'kubernetes.io/serviceaccount/service-account.name'?: string;
  'kubernetes.io/serviceaccount/service-account.uid'?: string;
  'kubernetes.io/serviceaccount/secret.name'?: string;
}

/** Makes service account tokens (JWT). */
export class ServiceAccountTokenIssuer {
  constructor(
    private readonly key: VerificationKey,
    private readonly issuer: string,
  ) {}

  /** A token bound to a service account, and to one more object when given. */
  async issue(o: {
    namespace: string;
    serviceAccount: Named;
    bound?: BoundObject;
    node?: { name: string; uid?: string };
    audiences: string[];
    expirationSeconds: number;
    warnAfterSeconds?: number;
  }): Promise<{ token: string; expiresAt: number }> {
    const now = Math.floor(Date.now() / 1000);
    const claims: KubernetesClaims = {
      namespace: o.namespace,
      ...(o.node ? { node: o.node } : {}),
      ...(o.bound ? { [o.bound.kind.toLowerCase()]: { name: o.bound.name, uid: o.bound.uid } } : {}),
      serviceaccount: o.serviceAccount,
      ...(o.warnAfterSeconds ? { warnafter: now + o.warnAfterSeconds } : {}),
    };
    const token = await new SignJWT({ 'kubernetes.io': claims })
      .setProtectedHeader({ alg: this.key.algorithm, kid: this.key.id })
      .setIssuer(this.issuer)
      .setSubject(`system:serviceaccount:${o.namespace}:${o.serviceAccount.name}`)
      .setAudience(o.audiences)
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + o.expirationSeconds)
      .setJti(randomUUID())
      .sign(this.key.key);
    return { token, expiresAt: (now + o.expirationSeconds) * 1000 };
  }
}

const digests: Record<string, string> = { RS256: 'sha256', ES256: 'sha256', ES384: 'sha384', ES512: 'sha512' };

function parseSegment(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text ?? '', 'base64url').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

const list = (v: string | string[] | undefined): string[] => (v === undefined ? [] : Array.isArray(v) ? v : [v]);

/**
 * Verifies service account tokens: signature, issuer, times and audiences, and that the account and what the token is
 * bound to still exist with the same uid. Legacy tokens (from secrets) are those without a `kubernetes.io` claim.
 */
export class ServiceAccountTokenAuthenticator implements TokenAuthenticator {
  constructor(
    private readonly keys: VerificationKey[],
    private readonly issuers: string[],
    private readonly apiAudiences: string[],
    private readonly objects: ObjectAccess,
  ) {}

  async authenticateToken(token: string, audiences: string[]): Promise<TokenIdentity | undefined> {
    const parts = token.split('.');
    if (parts.length !== 3) return undefined;
    const header = parseSegment(parts[0]);
    const claims = parseSegment(parts[1]) as Claims | undefined;
    if (!header || !claims) return undefined;
    const legacy = claims.iss === 'kubernetes/serviceaccount';
    // Another issuer's token: some other authenticator's business.
    if (!legacy && !this.issuers.includes(claims.iss ?? '')) return undefined;
    if (!this.signatureIsGood(header, parts)) throw new AuthenticationError('service account token: invalid signature');
    return legacy ? this.legacy(token, claims) : this.bound(claims, audiences);
  }

  private signatureIsGood(header: Record<string, unknown>, parts: string[]): boolean {
    const named = this.keys.filter((k) => k.id === header.kid);
    const candidates = named.length > 0 ? named : this.keys;
    const data = Buffer.from(`${parts[0]}.${parts[1]}`);
    const signature = Buffer.from(parts[2] ?? '', 'base64url');
    return candidates.some((k) => {
      if (header.alg !== k.algorithm) return false;
      const key: { key: KeyObject; dsaEncoding?: 'ieee-p1363' } =
        k.algorithm === 'RS256' ? { key: k.key } : { key: k.key, dsaEncoding: 'ieee-p1363' };
      return verifySignature(digests[k.algorithm], data, key, signature);
    });
  }

  private async bound(claims: Claims, audiences: string[]): Promise<TokenIdentity> {
    const now = Date.now() / 1000;
    // Ten seconds of leeway, as jose's validation in Kubernetes.
    if (claims.exp === undefined || claims.exp < now - 10)
      throw new AuthenticationError('service account token has expired');
    if (claims.nbf !== undefined && claims.nbf > now + 10)
      throw new AuthenticationError('service account token is not valid yet');
    const wanted = audiences.length > 0 ? audiences : this.apiAudiences;
    const shared = list(claims.aud).filter((a) => wanted.includes(a));
    if (shared.length === 0) {
      throw new AuthenticationError(
        `token audiences ${JSON.stringify(list(claims.aud))} is invalid for the target audiences ${JSON.stringify(wanted)}`,
      );
    }
    const k = claims['kubernetes.io'];
    if (!k?.namespace || !k.serviceaccount?.name || !k.serviceaccount.uid) {
      throw new AuthenticationError('service account token has no kubernetes.io claim');
    }
    const account = await this.existing('serviceaccounts', k.namespace, k.serviceaccount, 'service account');
    const extra: Record<string, string[]> = {};
    if (claims.jti) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${claims.jti}`];
    if (k.secret) await this.existing('secrets', k.namespace, k.secret, 'secret');
    if (k.pod) {
      await this.existing('pods', k.namespace, k.pod, 'pod');
      extra['authentication.kubernetes.io/pod-name'] = [k.pod.name];
      extra['authentication.kubernetes.io/pod-uid'] = [k.pod.uid];
    }
    if (k.node) {
      if (!k.pod) await this.existing('nodes', '', { name: k.node.name, uid: k.node.uid ?? '' }, 'node');
      extra['authentication.kubernetes.io/node-name'] = [k.node.name];
      if (k.node.uid) extra['authentication.kubernetes.io/node-uid'] = [k.node.uid];
    }
    return { ...this.identity(account, extra), audiences: shared, expiresAt: claims.exp * 1000 };
  }

  private async legacy(token: string, claims: Claims): Promise<TokenIdentity> {
    const namespace = claims['kubernetes.io/serviceaccount/namespace'] ?? '';
    const secretName = claims['kubernetes.io/serviceaccount/secret.name'] ?? '';
    const name = claims['kubernetes.io/serviceaccount/service-account.name'] ?? '';
    const uid = claims['kubernetes.io/serviceaccount/service-account.uid'] ?? '';
    if (!namespace || !secretName || !name || !uid)
      throw new AuthenticationError('legacy service account token lacks claims');
    const secret = await this.objects.get({ group: '', resource: 'secrets' }, namespace, secretName);
    const data = (secret?.data ?? {}) as Record<string, string>;
    if (!secret || secret.metadata.deletionTimestamp || Buffer.from(data.token ?? '', 'base64').toString() !== token) {
      throw new AuthenticationError('Token does not match the secret it comes from');
    }
    return this.identity(await this.existing('serviceaccounts', namespace, { name, uid }, 'service account'), {});
  }

  private identity(account: KubeObject, extra: Record<string, string[]>): TokenIdentity {
    const ns = account.metadata.namespace ?? '';
    return {
      user: {
        name: `system:serviceaccount:${ns}:${account.metadata.name}`,
        uid: account.metadata.uid ?? '',
        groups: ['system:serviceaccounts', `system:serviceaccounts:${ns}`],
        ...(Object.keys(extra).length > 0 ? { extra } : {}),
      },
    };
  }

  /** The object with that name and uid; the newest state is asked only when the cache does not know it. */
  private async existing(resource: string, namespace: string, ref: Named, what: string): Promise<KubeObject> {
    const gr = { group: '', resource };
    const good = (o: KubeObject | undefined) => {
      if (!o || (ref.uid !== '' && o.metadata.uid !== ref.uid)) return false;
      const deletion = o.metadata.deletionTimestamp;
      // A terminating object's tokens go on for a minute, so that its last requests succeed.
      return !deletion || Date.parse(deletion) + 60_000 > Date.now();
    };
    const cached = await this.objects.get(gr, namespace, ref.name);
    if (good(cached)) return cached as KubeObject;
    const fresh = await this.objects.get(gr, namespace, ref.name, { consistent: true });
    if (good(fresh)) return fresh as KubeObject;
    throw new AuthenticationError(`${what} ${namespace ? `${namespace}/` : ''}${ref.name} has been deleted`);
  }
}
