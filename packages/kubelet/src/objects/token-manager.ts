import { type Client, gvr } from '@kubelab/client';
import type { Pod } from '../pod/types.js';

interface TokenResponse {
  status?: { token?: string; expirationTimestamp?: string };
}

interface CachedToken {
  token: string;
  issuedAt: number;
  expiresAt: number;
}

const dayMs = 86_400_000;

/**
 * Service account tokens of pods through the TokenRequest API, bound to the pod, kept until 80 % of their life or a
 * day has passed (KEP-1205).
 */
export class TokenManager {
  private readonly tokens = new Map<string, CachedToken>();
  private readonly requests = new Map<string, Promise<CachedToken>>();

  constructor(
    private readonly client: Client,
    private readonly now: () => number = Date.now,
  ) {}

  async token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string> {
    const key = `${pod.metadata.uid}|${audience ?? ''}|${expirationSeconds}`;
    const cached = this.tokens.get(key);
    if (cached && !this.needsRefresh(cached)) return cached.token;
    let request = this.requests.get(key);
    if (!request) {
      request = this.request(pod, audience, expirationSeconds).finally(() => this.requests.delete(key));
      this.requests.set(key, request);
    }
    try {
      const fresh = await request;
      this.tokens.set(key, fresh);
      return fresh.token;
    } catch (error) {
      // A token that still works is better than none while the API server is away.
      if (cached && cached.expiresAt > this.now()) return cached.token;
      throw error;
    }
  }

  /** When the pod's next token wants renewal, milliseconds since the epoch; undefined when it has none. */
  nextRefresh(podUid: string): number | undefined {
    let next: number | undefined;
    for (const [key, token] of this.tokens) {
      if (!key.startsWith(`${podUid}|`)) continue;
      const at = refreshAt(token);
      next = next === undefined ? at : Math.min(next, at);
    }
    return next;
  }

  release(podUid: string): void {
    for (const key of this.tokens.keys()) if (key.startsWith(`${podUid}|`)) this.tokens.delete(key);
  }

  private needsRefresh(token: CachedToken): boolean {
    return this.now() >= refreshAt(token);
  }

  private async request(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<CachedToken> {
    const { namespace, name, uid } = pod.metadata;
    const account = pod.spec.serviceAccountName ?? 'default';
    const response = await this.client
      .resource(gvr.serviceaccounts)
      .namespace(namespace)
      .subresource<TokenResponse>(account, 'token', 'POST', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: audience ? [audience] : [],
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      });
    const { token, expirationTimestamp } = response.status ?? {};
    if (!token || !expirationTimestamp) throw new Error(`no token in the answer for service account ${account}`);
    return { token, issuedAt: this.now(), expiresAt: Date.parse(expirationTimestamp) };
  }
}

function refreshAt(token: CachedToken): number {
  const lifetime = token.expiresAt - token.issuedAt;
  return token.issuedAt + Math.min(lifetime * 0.8, dayMs);
}
