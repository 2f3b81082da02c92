import type { KubeObject } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../../object-access.js';
import { admissionForbidden } from '../errors.js';
import { isCore, only } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';
import { newestDefault } from './storage-plugins.js';

/** Gives an Ingress without a class the default one. */
export class DefaultIngressClass implements AdmissionPlugin {
  readonly name = 'DefaultIngressClass';
  readonly handles = only('CREATE');

  constructor(private readonly objects: ObjectAccess) {}

  async mutate(a: AdmissionAttributes): Promise<void> {
    if (
      a.resource.group !== 'networking.k8s.io' ||
      a.resource.resource !== 'ingresses' ||
      a.subresource !== '' ||
      !a.object
    )
      return;
    const spec = (a.object.spec ?? {}) as { ingressClassName?: string };
    if (
      spec.ingressClassName !== undefined ||
      a.object.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined
    )
      return;
    const classes = await this.objects.list({ group: 'networking.k8s.io', resource: 'ingressclasses' }, '');
    const found = newestDefault(classes, ['ingressclass.kubernetes.io/is-default-class']);
    if (found?.metadata.name) a.object.spec = { ...spec, ingressClassName: found.metadata.name };
  }
}

/** Refuses Services that newly use externalIPs. */
export class DenyServiceExternalIPs implements AdmissionPlugin {
  readonly name = 'DenyServiceExternalIPs';
  readonly handles = only('CREATE', 'UPDATE');

  validate(a: AdmissionAttributes): void {
    if (!a.object || !isCore(a, 'services')) return;
    const ips = (o: KubeObject | undefined) => (o?.spec as { externalIPs?: string[] } | undefined)?.externalIPs ?? [];
    const known = ips(a.oldObject);
    if (ips(a.object).some((ip) => !known.includes(ip))) {
      throw admissionForbidden(a, 'Use of external IPs is denied by admission control.');
    }
  }
}
