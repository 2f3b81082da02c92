import type { KubeconfigWebhook } from '../../webhook-kubeconfig.js';
import { admissionForbidden } from '../errors.js';
import { allContainers, only, podSpec } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

export interface ImagePolicyOptions {
  webhook: Pick<KubeconfigWebhook, 'post'>;
  /** Whether pods are let in when the webhook can't be asked. */
  defaultAllow: boolean;
  allowTtlMs: number;
  denyTtlMs: number;
}

/** Asks a webhook (ImageReview) whether a pod's images may run. */
export class ImagePolicyWebhook implements AdmissionPlugin {
  readonly name = 'ImagePolicyWebhook';
  readonly handles = only('CREATE', 'UPDATE');
  private readonly cache = new Map<string, { until: number; allowed: boolean; reason: string }>();

  constructor(private readonly o: ImagePolicyOptions) {}

  async validate(a: AdmissionAttributes): Promise<void> {
    const isPod = a.resource.group === '' && a.resource.resource === 'pods';
    if (!a.object || !isPod || !['', 'ephemeralcontainers'].includes(a.subresource)) return;
    const spec = {
      containers: allContainers(podSpec(a.object)).map((c) => ({ image: c.image ?? '' })),
      annotations: Object.fromEntries(
        Object.entries(a.object.metadata.annotations ?? {}).filter(([k]) => k.includes('.image-policy.k8s.io/')),
      ),
      namespace: a.namespace,
    };
    const answer = await this.ask(a, spec);
    if (!answer.allowed) {
      throw admissionForbidden(
        a,
        answer.reason
          ? `image policy webhook backend denied one or more images: ${answer.reason}`
          : 'one or more images rejected by webhook backend',
      );
    }
  }

  private async ask(a: AdmissionAttributes, spec: object): Promise<{ allowed: boolean; reason: string }> {
    const key = JSON.stringify(spec);
    const known = this.cache.get(key);
    if (known && known.until > Date.now()) return known;
    try {
      const review = (await this.o.webhook.post({
        apiVersion: 'imagepolicy.k8s.io/v1alpha1',
        kind: 'ImageReview',
        metadata: {},
        spec,
      })) as { status?: { allowed?: boolean; reason?: string } };
      const answer = { allowed: review.status?.allowed === true, reason: review.status?.reason ?? '' };
      if (this.cache.size > 1024) this.cache.clear();
      this.cache.set(key, { ...answer, until: Date.now() + (answer.allowed ? this.o.allowTtlMs : this.o.denyTtlMs) });
      return answer;
    } catch (err) {
      if (!this.o.defaultAllow)
        throw admissionForbidden(a, `Post to image policy webhook failed: ${(err as Error).message}`);
      a.addAuditAnnotation('imagepolicywebhook.image-policy.k8s.io/failed-open', 'true');
      return { allowed: true, reason: '' };
    }
  }
}
