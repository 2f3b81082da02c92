import type { UserInfo } from '../authentication/authenticator.js';
import type { KubeconfigWebhook } from '../webhook-kubeconfig.js';
import type {
  AuthorizationAttributes,
  AuthorizationResult,
  Authorizer,
  RuleResolver,
  UserRules,
} from './authorizer.js';

export interface WebhookAuthorizerOptions {
  /** --authorization-webhook-version */
  version: 'v1' | 'v1beta1';
  /** --authorization-webhook-cache-authorized-ttl, milliseconds. */
  allowedTtlMs: number;
  /** --authorization-webhook-cache-unauthorized-ttl, milliseconds. */
  deniedTtlMs: number;
}

interface Entry {
  until: number;
  result: AuthorizationResult;
}

/** Asks a webhook by SubjectAccessReview, and remembers its answers for some time. */
export class WebhookAuthorizer implements Authorizer, RuleResolver {
  private readonly cache = new Map<string, Entry>();

  constructor(
    private readonly webhook: Pick<KubeconfigWebhook, 'post'>,
    private readonly o: WebhookAuthorizerOptions = { version: 'v1', allowedTtlMs: 300_000, deniedTtlMs: 30_000 },
  ) {}

  authorize(a: AuthorizationAttributes): AuthorizationResult | Promise<AuthorizationResult> {
    const spec = this.spec(a);
    const key = JSON.stringify(spec);
    const known = this.cache.get(key);
    if (known && known.until > Date.now()) return known.result;
    return this.ask(spec, key);
  }

  private async ask(spec: object, key: string): Promise<AuthorizationResult> {
    let status: { allowed?: boolean; denied?: boolean; reason?: string; evaluationError?: string };
    try {
      const answer = (await this.webhook.post({
        apiVersion: `authorization.k8s.io/${this.o.version}`,
        kind: 'SubjectAccessReview',
        metadata: {},
        spec,
      })) as { status?: typeof status };
      status = answer.status ?? {};
    } catch (err) {
      // A webhook that can't be asked has no opinion; the next authorizer may allow.
      return { decision: 'noOpinion', error: `webhook authorizer: ${(err as Error).message}` };
    }
    const decision = status.denied ? 'deny' : status.allowed ? 'allow' : 'noOpinion';
    const result: AuthorizationResult = {
      decision,
      ...(status.reason ? { reason: status.reason } : {}),
      ...(status.evaluationError ? { error: status.evaluationError } : {}),
    };
    // Very long attributes could fill the memory, as in Kubernetes they are not cached.
    if (key.length <= 10_000) this.remember(key, result);
    return result;
  }

  private remember(key: string, result: AuthorizationResult): void {
    if (this.cache.size >= 8192) {
      const oldest = this.cache.keys().next().value;
      if (oldest !== undefined) this.cache.delete(oldest);
    }
    const ttl = result.decision === 'allow' ? this.o.allowedTtlMs : this.o.deniedTtlMs;
    this.cache.set(key, { until: Date.now() + ttl, result });
  }

  private spec(a: AuthorizationAttributes): object {
    const who = {
      user: a.user.name,
      ...(a.user.uid ? { uid: a.user.uid } : {}),
      groups: a.user.groups,
      ...(a.user.extra ? { extra: a.user.extra } : {}),
    };
    if (!a.resourceRequest) return { ...who, nonResourceAttributes: { path: a.path, verb: a.verb } };
    return {
      ...who,
      resourceAttributes: {
        ...(a.namespace ? { namespace: a.namespace } : {}),
        verb: a.verb,
        ...(a.apiGroup ? { group: a.apiGroup } : {}),
        version: a.apiVersion,
        resource: a.resource,
        ...(a.subresource ? { subresource: a.subresource } : {}),
        ...(a.name ? { name: a.name } : {}),
      },
    };
  }

  rulesFor(_user: UserInfo, _namespace: string): UserRules {
    return { rules: [], incomplete: true, evaluationError: 'webhook authorizer does not support user rule resolution' };
  }
}
