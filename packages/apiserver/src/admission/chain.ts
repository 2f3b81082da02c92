import type { AdmissionAttributes, AdmissionOperation, AdmissionPlugin } from './plugin.js';

/**
 * Kubernetes' order of plugins. Those that need the final object (webhooks, quota) come last.
 */
export const pluginOrder = [
  'AlwaysAdmit',
  'NamespaceAutoProvision',
  'NamespaceLifecycle',
  'NamespaceExists',
  'LimitPodHardAntiAffinityTopology',
  'LimitRanger',
  'ServiceAccount',
  'NodeRestriction',
  'TaintNodesByCondition',
  'AlwaysPullImages',
  'ImagePolicyWebhook',
  'PodSecurity',
  'PodNodeSelector',
  'Priority',
  'DefaultTolerationSeconds',
  'PodTolerationRestriction',
  'EventRateLimit',
  'ExtendedResourceToleration',
  'PersistentVolumeLabel',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'OwnerReferencesPermissionEnforcement',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'ClusterTrustBundleAttest',
  'CertificateSubjectRestriction',
  'DefaultIngressClass',
  'DenyServiceExternalIPs',
  'PodTopologyLabels',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionWebhook',
  'ResourceQuota',
  'AlwaysDeny',
] as const;

/** On unless --disable-admission-plugins names them. */
export const defaultPlugins: ReadonlySet<string> = new Set([
  'NamespaceLifecycle',
  'LimitRanger',
  'ServiceAccount',
  'TaintNodesByCondition',
  'PodSecurity',
  'Priority',
  'DefaultTolerationSeconds',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'ClusterTrustBundleAttest',
  'CertificateSubjectRestriction',
  'DefaultIngressClass',
  'PodTopologyLabels',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionWebhook',
  'ResourceQuota',
]);

/** Which plugins are on, in order. @throws Error for a name that Kubernetes does not know */
export function enabledPlugins(enable: string[], disable: string[]): string[] {
  for (const name of [...enable, ...disable]) {
    if (!(pluginOrder as readonly string[]).includes(name))
      throw new Error(`admission plugin ${JSON.stringify(name)} is unknown`);
  }
  return pluginOrder.filter((n) => enable.includes(n) || (defaultPlugins.has(n) && !disable.includes(n)));
}

/** The plugins that a request passes. */
export class AdmissionChain {
  private readonly mutators = new Map<AdmissionOperation, AdmissionPlugin[]>();
  private readonly validators = new Map<AdmissionOperation, AdmissionPlugin[]>();

  /** @param plugins in order */
  constructor(readonly plugins: AdmissionPlugin[]) {
    for (const op of ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const) {
      this.mutators.set(
        op,
        plugins.filter((p) => p.mutate && p.handles(op)),
      );
      this.validators.set(
        op,
        plugins.filter((p) => p.validate && p.handles(op)),
      );
    }
  }

  /** Starts the plugins that follow objects; resolves when they know those that exist. The result stops them. */
  async start(): Promise<() => void> {
    const stops = await Promise.all(this.plugins.map((p) => p.start?.()));
    return () => {
      for (const stop of stops) stop?.();
    };
  }

  /** Lets the plugins change the object, before it is validated. @throws StatusError the first refusal */
  async mutate(a: AdmissionAttributes): Promise<void> {
    for (const p of this.mutators.get(a.operation) ?? []) {
      const pending = p.mutate?.(a);
      if (pending) await pending;
    }
  }

  /** Asks the plugins about the final object. @throws StatusError the first refusal */
  async validate(a: AdmissionAttributes): Promise<void> {
    for (const p of this.validators.get(a.operation) ?? []) {
      const pending = p.validate?.(a);
      if (pending) await pending;
    }
  }
}
