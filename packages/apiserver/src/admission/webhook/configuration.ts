import type { KubeObject, LabelSelector } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../../object-access.js';
import type { MatchCondition } from '../cel-variables.js';
import type { AdmissionRule } from '../matching.js';

/** Where a webhook is and how it is trusted. */
export interface WebhookClientConfig {
  url?: string;
  service?: { namespace: string; name: string; path?: string; port?: number };
  /** PEM, base64. */
  caBundle?: string;
}

/** A webhook of a configuration, with what the API defaults. */
export interface Webhook {
  /** Unique: configuration, name. */
  id: string;
  configuration: string;
  name: string;
  clientConfig: WebhookClientConfig;
  rules: AdmissionRule[];
  failurePolicy: 'Fail' | 'Ignore';
  matchPolicy: 'Exact' | 'Equivalent';
  namespaceSelector?: LabelSelector;
  objectSelector?: LabelSelector;
  sideEffects: string;
  timeoutSeconds: number;
  admissionReviewVersions: string[];
  matchConditions?: MatchCondition[];
  reinvocationPolicy: 'Never' | 'IfNeeded';
}

type Configuration = KubeObject & { webhooks?: Partial<Webhook>[] };

/** The webhooks of all configurations of one kind, sorted by configuration name, kept by a watch. */
export class WebhookRegistry {
  private readonly configurations = new Map<string, Configuration>();
  private sorted: Webhook[] | undefined;

  constructor(private readonly resource: 'mutatingwebhookconfigurations' | 'validatingwebhookconfigurations') {}

  /** Resolves when all existing configurations are known. */
  start(objects: ObjectAccess): Promise<() => void> {
    const put = (o: KubeObject) => {
      this.configurations.set(o.metadata.name ?? '', o as Configuration);
      this.sorted = undefined;
    };
    return objects.observe(
      { group: 'admissionregistration.k8s.io', resource: this.resource },
      {
        added: put,
        updated: (_old, o) => put(o),
        deleted: (o) => {
          this.configurations.delete(o.metadata.name ?? '');
          this.sorted = undefined;
        },
      },
    );
  }

  webhooks(): Webhook[] {
    this.sorted ??= [...this.configurations.values()]
      .sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
      .flatMap((c) => (c.webhooks ?? []).map((w, i) => withDefaults(c, w, i)));
    return this.sorted;
  }
}

function withDefaults(c: Configuration, w: Partial<Webhook>, i: number): Webhook {
  const configuration = c.metadata.name ?? '';
  return {
    name: '',
    clientConfig: {},
    rules: [],
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    sideEffects: 'Unknown',
    timeoutSeconds: 10,
    admissionReviewVersions: ['v1'],
    reinvocationPolicy: 'Never',
    ...w,
    id: `${configuration}/${w.name ?? ''}/${i}`,
    configuration,
  };
}
