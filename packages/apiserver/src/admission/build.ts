import type { KubeObject } from '@kubelab/apimachinery';
import type { Authorizer } from '../authorization/authorizer.js';
import type { EscalationChecker } from '../authorization/escalation.js';
import type { ObjectAccess } from '../object-access.js';
import { ServiceResolver } from '../service-resolver.js';
import { AdmissionChain, enabledPlugins } from './chain.js';
import type { AdmissionPlugin } from './plugin.js';
import {
  CertificateApproval,
  CertificateSigning,
  CertificateSubjectRestriction,
} from './plugins/certificate-plugins.js';
import { DefaultTolerationSeconds } from './plugins/default-toleration-seconds.js';
import { type EventLimit, EventRateLimit } from './plugins/event-rate-limit.js';
import { LimitRanger } from './plugins/limit-ranger.js';
import { NamespaceAutoProvision, NamespaceLifecycle } from './plugins/namespace-lifecycle.js';
import { DefaultIngressClass, DenyServiceExternalIPs } from './plugins/network-plugins.js';
import { NodeRestriction } from './plugins/node-restriction.js';
import { type KindLookup, OwnerReferencesPermissionEnforcement } from './plugins/owner-references.js';
import {
  AlwaysPullImages,
  ExtendedResourceToleration,
  LimitPodHardAntiAffinityTopology,
  PodNodeSelector,
  PodTopologyLabels,
  RuntimeClassPlugin,
} from './plugins/pod-plugins.js';
import { PodSecurity, type PodSecurityConfiguration } from './plugins/pod-security.js';
import { PriorityPlugin } from './plugins/priority.js';
import { RbacEscalation } from './plugins/rbac-escalation.js';
import { ResourceQuotaPlugin } from './plugins/resource-quota.js';
import { ServiceAccountPlugin } from './plugins/service-account.js';
import { AlwaysAdmit, AlwaysDeny, NamespaceExists } from './plugins/simple-plugins.js';
import {
  DefaultStorageClass,
  PersistentVolumeClaimResize,
  StorageObjectInUseProtection,
} from './plugins/storage-plugins.js';
import { TaintNodesByCondition } from './plugins/taint-nodes-by-condition.js';
import { ValidatingAdmissionPolicyPlugin } from './policy/validating-policy.js';
import { WebhookClient } from './webhook/client.js';
import { MutatingAdmissionWebhook, ValidatingAdmissionWebhook, type WebhookPluginOptions } from './webhook/plugins.js';

/** What admission needs from the server. */
export interface AdmissionOptions {
  /** --enable-admission-plugins, --disable-admission-plugins */
  enable: string[];
  disable: string[];
  objects: ObjectAccess;
  authorizer: Authorizer;
  /** Of the authorization; with it, writes of roles and bindings are checked. */
  escalation?: EscalationChecker;
  /** Finds a kind's resource: for policies' parameters and OwnerReferencesPermissionEnforcement. */
  kindLookup?: KindLookup;
  /** Prunes an object that a webhook changed and sets its defaults again. @throws StatusError */
  decodeMutated?(obj: KubeObject): void;
  /** Told of webhooks that could not be asked and are ignored by their failure policy. */
  onIgnoredFailure?(webhook: string, message: string): void;
  eventLimits?: EventLimit[];
  podSecurity?: PodSecurityConfiguration;
  defaultNotReadyTolerationSeconds?: number;
  defaultUnreachableTolerationSeconds?: number;
  /** Plugins that are made elsewhere (webhooks, policies), by their flag names. */
  extra?: Record<string, AdmissionPlugin>;
}

type Factory = (o: AdmissionOptions) => AdmissionPlugin | undefined;

const factories: Record<string, Factory> = {
  AlwaysAdmit: () => new AlwaysAdmit(),
  AlwaysDeny: () => new AlwaysDeny(),
  NamespaceAutoProvision: (o) =>
    new NamespaceAutoProvision(o.objects, async (name) => {
      await o.objects.create(
        { group: '', resource: 'namespaces' },
        {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
          spec: { finalizers: ['kubernetes'] },
          status: { phase: 'Active' },
        },
      );
    }),
  NamespaceExists: (o) => new NamespaceExists(o.objects),
  NamespaceLifecycle: (o) => new NamespaceLifecycle(o.objects),
  LimitPodHardAntiAffinityTopology: () => new LimitPodHardAntiAffinityTopology(),
  LimitRanger: (o) => new LimitRanger(o.objects),
  ServiceAccount: (o) => new ServiceAccountPlugin(o.objects),
  NodeRestriction: (o) => new NodeRestriction(o.objects),
  TaintNodesByCondition: () => new TaintNodesByCondition(),
  AlwaysPullImages: () => new AlwaysPullImages(),
  PodSecurity: (o) => new PodSecurity(o.objects, o.podSecurity),
  PodNodeSelector: (o) => new PodNodeSelector(o.objects),
  Priority: (o) => new PriorityPlugin(o.objects),
  DefaultTolerationSeconds: (o) =>
    new DefaultTolerationSeconds(o.defaultNotReadyTolerationSeconds, o.defaultUnreachableTolerationSeconds),
  EventRateLimit: (o) => new EventRateLimit(o.eventLimits),
  ExtendedResourceToleration: () => new ExtendedResourceToleration(),
  DefaultStorageClass: (o) => new DefaultStorageClass(o.objects),
  StorageObjectInUseProtection: () => new StorageObjectInUseProtection(),
  OwnerReferencesPermissionEnforcement: (o) =>
    o.kindLookup && new OwnerReferencesPermissionEnforcement(o.authorizer, o.kindLookup),
  PersistentVolumeClaimResize: (o) => new PersistentVolumeClaimResize(o.objects),
  RuntimeClass: (o) => new RuntimeClassPlugin(o.objects),
  CertificateApproval: (o) => new CertificateApproval(o.authorizer),
  CertificateSigning: (o) => new CertificateSigning(o.authorizer),
  CertificateSubjectRestriction: () => new CertificateSubjectRestriction(),
  DefaultIngressClass: (o) => new DefaultIngressClass(o.objects),
  DenyServiceExternalIPs: () => new DenyServiceExternalIPs(),
  PodTopologyLabels: (o) => new PodTopologyLabels(o.objects),
  MutatingAdmissionWebhook: (o) => new MutatingAdmissionWebhook(webhookOptions(o)),
  ValidatingAdmissionPolicy: (o) =>
    new ValidatingAdmissionPolicyPlugin(o.objects, o.authorizer, o.kindLookup ?? (() => undefined)),
  ValidatingAdmissionWebhook: (o) => new ValidatingAdmissionWebhook(webhookOptions(o)),
  ResourceQuota: (o) => new ResourceQuotaPlugin(o.objects),
};

function webhookOptions(o: AdmissionOptions): WebhookPluginOptions {
  return {
    objects: o.objects,
    authorizer: o.authorizer,
    client: new WebhookClient(new ServiceResolver(o.objects)),
    ...(o.decodeMutated ? { decodeMutated: o.decodeMutated } : {}),
    ...(o.onIgnoredFailure ? { onIgnoredFailure: o.onIgnoredFailure } : {}),
  };
}

/**
 * The admission chain for the flags. Its `start` must have resolved before requests are served.
 * @throws Error for an unknown plugin, or one that is asked for by name and not part of this server
 */
export function createAdmission(o: AdmissionOptions): AdmissionChain {
  const plugins: AdmissionPlugin[] = [];
  for (const name of enabledPlugins(o.enable, o.disable)) {
    const plugin = o.extra?.[name] ?? factories[name]?.(o);
    if (plugin) plugins.push(plugin);
    else if (o.enable.includes(name)) throw new Error(`admission plugin ${name} is not available in this server`);
  }
  if (o.escalation) plugins.push(new RbacEscalation(o.escalation));
  return new AdmissionChain(plugins);
}
