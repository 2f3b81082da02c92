import { deepEqual, type KubeObject, newInternalError, newTimeout, StatusError } from '@kubelab/apimachinery';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { ObjectAccess } from '../../object-access.js';
import { conditionsHold, requestVariables } from '../cel-variables.js';
import { type AdmissionRule, isExempt, namespaceMatches, objectMatches, ruleMatches } from '../matching.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';
import type { WebhookClient } from './client.js';
import { type Webhook, WebhookRegistry } from './configuration.js';
import { callWebhook, WebhookCallError } from './review.js';

export interface WebhookPluginOptions {
  objects: ObjectAccess;
  authorizer: Authorizer;
  client: WebhookClient;
  /** Told of webhooks that failed and were ignored. */
  onIgnoredFailure?(webhook: string, message: string): void;
  /** Prunes an object that a webhook changed and sets its defaults again. @throws StatusError */
  decodeMutated?(obj: KubeObject): void;
}

function callFailure(w: Webhook, err: unknown): StatusError {
  return newInternalError(new Error(`failed calling webhook ${JSON.stringify(w.name)}: ${(err as Error).message}`));
}

abstract class WebhookPlugin {
  protected readonly registry: WebhookRegistry;

  constructor(
    protected readonly o: WebhookPluginOptions,
    resource: 'mutatingwebhookconfigurations' | 'validatingwebhookconfigurations',
  ) {
    this.registry = new WebhookRegistry(resource);
  }

  /** Follows the configurations; resolves when those that exist are known. */
  async start(): Promise<() => void> {
    return this.registry.start(this.o.objects);
  }

  handles(): boolean {
    return true;
  }

  /** The rule by which a webhook wants the request; undefined when it does not. @throws StatusError */
  protected async ruleFor(
    w: Webhook,
    a: AdmissionAttributes,
    variables: () => Record<string, unknown>,
  ): Promise<AdmissionRule | undefined> {
    const exact = w.rules.find((r) => ruleMatches(r, a, false));
    const rule =
      exact ?? (w.matchPolicy === 'Equivalent' && a.convert ? w.rules.find((r) => ruleMatches(r, a, true)) : undefined);
    if (
      !rule ||
      !objectMatches(w.objectSelector, a) ||
      !(await namespaceMatches(w.namespaceSelector, a, this.o.objects))
    )
      return undefined;
    if ((w.matchConditions ?? []).length === 0) return rule;
    try {
      return (await conditionsHold(w.matchConditions, variables())) ? rule : undefined;
    } catch (err) {
      if (w.failurePolicy === 'Ignore') return undefined;
      throw newInternalError(new Error(`failed calling webhook ${JSON.stringify(w.name)}: ${(err as Error).message}`));
    }
  }

  /** Calls a webhook, and applies its failure policy. */
  protected async call(
    w: Webhook,
    rule: AdmissionRule,
    a: AdmissionAttributes,
    mutating: boolean,
  ): Promise<KubeObject | undefined> {
    try {
      return await callWebhook(this.o.client, w, rule, a, mutating);
    } catch (err) {
      if (!(err instanceof WebhookCallError)) throw err;
      if (w.failurePolicy === 'Fail') throw callFailure(w, err);
      this.o.onIgnoredFailure?.(w.name, err.message);
      a.addAuditAnnotation(`failed-open.webhook.admission.k8s.io/${w.name}`, err.message);
      return undefined;
    }
  }
}

/** Calls the mutating webhooks in order, and once more those that want it after later ones changed the object. */
export class MutatingAdmissionWebhook extends WebhookPlugin implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionWebhook';

  constructor(o: WebhookPluginOptions) {
    super(o, 'mutatingwebhookconfigurations');
  }

  mutate(a: AdmissionAttributes): void | Promise<void> {
    const all = this.registry.webhooks();
    if (all.length === 0 || isExempt(a)) return;
    return this.run(all, a);
  }

  private async run(all: Webhook[], a: AdmissionAttributes): Promise<void> {
    /** The object as each webhook left it. */
    const seen = new Map<Webhook, KubeObject | undefined>();
    const pass = async (list: Webhook[]) => {
      for (const w of list) {
        const rule = await this.ruleFor(w, a, () => requestVariables(a, this.o.authorizer));
        if (!rule) continue;
        const next = await this.call(w, rule, a, true);
        if (next) {
          this.o.decodeMutated?.(next);
          a.object = next;
        }
        seen.set(w, a.object);
      }
    };
    await pass(all);
    const again = all.filter(
      (w) => w.reinvocationPolicy === 'IfNeeded' && seen.has(w) && !deepEqual(seen.get(w), a.object),
    );
    if (again.length > 0) await pass(again);
  }
}

/** Calls the validating webhooks, all at the same time. */
export class ValidatingAdmissionWebhook extends WebhookPlugin implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionWebhook';

  constructor(o: WebhookPluginOptions) {
    super(o, 'validatingwebhookconfigurations');
  }

  validate(a: AdmissionAttributes): void | Promise<void> {
    const all = this.registry.webhooks();
    if (all.length === 0 || isExempt(a)) return;
    return this.run(all, a);
  }

  private async run(all: Webhook[], a: AdmissionAttributes): Promise<void> {
    let made: Record<string, unknown> | undefined;
    const variables = () => {
      made ??= requestVariables(a, this.o.authorizer);
      return made;
    };
    const calls = all.map(async (w) => {
      const rule = await this.ruleFor(w, a, variables);
      if (rule) await this.call(w, rule, a, false);
    });
    const results = await Promise.allSettled(calls);
    for (const r of results) {
      if (r.status !== 'rejected') continue;
      throw r.reason instanceof StatusError ? r.reason : newTimeout(String(r.reason));
    }
  }
}
