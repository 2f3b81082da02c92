import type { V1PodSpec } from '@kubelab/api';
import { type KubeObject, semanticEqual } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../../object-access.js';
import { admissionForbidden } from '../errors.js';
import { only, podSpec } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';
import { type Level, violations } from '../pod-security-checks.js';

const prefix = 'pod-security.kubernetes.io/';
const levels = ['privileged', 'baseline', 'restricted'];

/** Where the pod template is, by resource. */
const templates: Record<string, (o: KubeObject) => PodLike | undefined> = {
  '/replicationcontrollers': (o) => template(o.spec),
  '/podtemplates': (o) => o.template as PodLike | undefined,
  'apps/deployments': (o) => template(o.spec),
  'apps/replicasets': (o) => template(o.spec),
  'apps/statefulsets': (o) => template(o.spec),
  'apps/daemonsets': (o) => template(o.spec),
  'batch/jobs': (o) => template(o.spec),
  'batch/cronjobs': (o) => template((o.spec as { jobTemplate?: { spec?: unknown } } | undefined)?.jobTemplate?.spec),
};

interface PodLike {
  metadata?: { annotations?: Record<string, string> };
  spec?: V1PodSpec;
}
const template = (spec: unknown) => (spec as { template?: PodLike } | undefined)?.template;

interface Policy {
  level: Level;
  version: string;
}

type Modes = 'enforce' | 'audit' | 'warn';

/** pod-security.admission.config.k8s.io PodSecurityConfiguration: what holds where labels say nothing, and for whom nothing does. */
export interface PodSecurityConfiguration {
  defaults?: Partial<Record<Modes | `${Modes}-version`, string>>;
  exemptions?: { usernames?: string[]; runtimeClasses?: string[]; namespaces?: string[] };
}

/** Holds pods to the Pod Security Standard that their namespace's labels name. */
export class PodSecurity implements AdmissionPlugin {
  readonly name = 'PodSecurity';
  readonly handles = only('CREATE', 'UPDATE');

  constructor(
    private readonly objects: ObjectAccess,
    private readonly configuration: PodSecurityConfiguration = {},
  ) {}

  validate(a: AdmissionAttributes): void | Promise<void> {
    const key = `${a.resource.group}/${a.resource.resource}`;
    if (!a.object) return;
    if (key === '/namespaces' && a.subresource === '') {
      this.checkLabels(a);
      return;
    }
    const isPod = key === '/pods' && (a.subresource === '' || a.subresource === 'ephemeralcontainers');
    const find = a.subresource === '' ? templates[key] : undefined;
    if (!isPod && !find) return;
    const pod: PodLike | undefined = isPod
      ? { metadata: a.object.metadata, spec: podSpec(a.object) }
      : find?.(a.object);
    if (!pod?.spec) return;
    // What does not change the pod's security is let through also in a stricter namespace.
    if (
      isPod &&
      a.operation === 'UPDATE' &&
      a.subresource === '' &&
      a.oldObject &&
      sameForSecurity(podSpec(a.oldObject), pod.spec)
    )
      return;
    if (this.isExempt(a, pod.spec)) return;
    return this.evaluate(a, pod, isPod);
  }

  private isExempt(a: AdmissionAttributes, spec: V1PodSpec): boolean {
    const { usernames = [], runtimeClasses = [], namespaces = [] } = this.configuration.exemptions ?? {};
    if (namespaces.includes(a.namespace)) a.addAuditAnnotation('exempt', 'namespace');
    else if (usernames.includes(a.user.name)) a.addAuditAnnotation('exempt', 'user');
    else if (runtimeClasses.includes(spec.runtimeClassName ?? '')) a.addAuditAnnotation('exempt', 'runtimeClass');
    else return false;
    return true;
  }

  private async evaluate(a: AdmissionAttributes, pod: PodLike, isPod: boolean): Promise<void> {
    const namespace = await this.objects.get({ group: '', resource: 'namespaces' }, '', a.namespace);
    const labels = namespace?.metadata.labels ?? {};
    const breaks = (mode: Modes) => {
      const policy = policyOf(labels, mode, this.configuration.defaults ?? {});
      const found = violations(policy.level, pod.spec as V1PodSpec, pod.metadata?.annotations ?? {});
      if (found.length === 0) return undefined;
      const list = found.map((v) => (v.detail ? `${v.reason} (${v.detail})` : v.reason)).join(', ');
      return { policy, list, text: `PodSecurity ${JSON.stringify(`${policy.level}:${policy.version}`)}: ${list}` };
    };
    if (isPod) {
      const enforced = breaks('enforce');
      if (enforced) {
        a.addAuditAnnotation('enforce-policy', `${enforced.policy.level}:${enforced.policy.version}`);
        throw admissionForbidden(a, `violates ${enforced.text}`);
      }
    }
    const audited = breaks('audit');
    if (audited) a.addAuditAnnotation('audit-violations', `would violate ${audited.text}`);
    const warned = breaks('warn');
    if (warned) a.addWarning(`would violate ${warned.text}`);
  }

  private checkLabels(a: AdmissionAttributes): void {
    for (const [k, v] of Object.entries(a.object?.metadata.labels ?? {})) {
      if (!k.startsWith(prefix) || a.oldObject?.metadata.labels?.[k] === v) continue;
      const what = k.slice(prefix.length);
      if (['enforce', 'audit', 'warn'].includes(what) && !levels.includes(v)) {
        throw admissionForbidden(
          a,
          `metadata.labels[${k}]: Invalid value: ${JSON.stringify(v)}: must be one of ${levels.join(', ')}`,
        );
      }
      if (what.endsWith('-version') && v !== 'latest' && !/^v1\.\d+$/.test(v)) {
        throw admissionForbidden(
          a,
          `metadata.labels[${k}]: Invalid value: ${JSON.stringify(v)}: must be "latest" or "v1.x"`,
        );
      }
    }
  }
}

function policyOf(
  labels: Record<string, string>,
  mode: Modes,
  defaults: NonNullable<PodSecurityConfiguration['defaults']>,
): Policy {
  const level = labels[`${prefix}${mode}`] ?? defaults[mode];
  const version = labels[`${prefix}${mode}-version`] ?? defaults[`${mode}-version`] ?? 'latest';
  if (level === undefined) return { level: 'privileged', version };
  // An unknown level restricts as much as possible rather than nothing.
  return { level: levels.includes(level) ? (level as Level) : 'restricted', version };
}

/** Images, tolerations and the like may change without a new look. */
function sameForSecurity(old: V1PodSpec, now: V1PodSpec): boolean {
  const plain = (s: V1PodSpec) => {
    const strip = (c: { image?: string }) => ({ ...c, image: '' });
    const { tolerations: _t, activeDeadlineSeconds: _a, ...rest } = s;
    return {
      ...rest,
      containers: (s.containers ?? []).map(strip),
      initContainers: (s.initContainers ?? []).map(strip),
    };
  };
  return semanticEqual(plain(old), plain(now));
}
