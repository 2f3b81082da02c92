import type { KubeconfigWebhook } from '../webhook-kubeconfig.js';
import { AuthenticationError, type TokenAuthenticator, type TokenIdentity } from './authenticator.js';

interface ReviewStatus {
  authenticated?: boolean;
  user?: { username?: string; uid?: string; groups?: string[]; extra?: Record<string, string[]> };
  audiences?: string[];
  error?: string;
}

/** Asks a webhook (--authentication-token-webhook-config-file) whose token it is, by a TokenReview. */
export class WebhookTokenAuthenticator implements TokenAuthenticator {
  constructor(
    private readonly webhook: Pick<KubeconfigWebhook, 'post'>,
    private readonly apiAudiences: string[],
    private readonly version: 'v1' | 'v1beta1' = 'v1',
  ) {}

  async authenticateToken(token: string, audiences: string[]): Promise<TokenIdentity | undefined> {
    const wanted = audiences.length > 0 ? audiences : this.apiAudiences;
    const answer = (await this.webhook.post({
      apiVersion: `authentication.k8s.io/${this.version}`,
      kind: 'TokenReview',
      metadata: {},
      spec: { token, ...(wanted.length > 0 ? { audiences: wanted } : {}) },
    })) as { status?: ReviewStatus };
    const status = answer.status;
    if (!status?.authenticated) {
      if (status?.error) throw new AuthenticationError(status.error);
      return undefined;
    }
    if (!status.user?.username) throw new AuthenticationError('webhook token review names no user');
    // A webhook that knows nothing of audiences authenticates for the API server.
    const shared = status.audiences
      ? status.audiences.filter((a) => wanted.includes(a))
      : wanted.filter((a) => this.apiAudiences.includes(a));
    if (wanted.length > 0 && shared.length === 0) return undefined;
    const { username, uid, groups, extra } = status.user;
    return {
      user: { name: username, groups: groups ?? [], ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) },
      audiences: shared,
    };
  }
}
