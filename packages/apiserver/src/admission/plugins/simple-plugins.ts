import { newNotFound } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../../object-access.js';
import { admissionForbidden } from '../errors.js';
import { only } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

/** Admits everything. */
export class AlwaysAdmit implements AdmissionPlugin {
  readonly name = 'AlwaysAdmit';
  readonly handles = () => false;
}

/** Refuses every write. */
export class AlwaysDeny implements AdmissionPlugin {
  readonly name = 'AlwaysDeny';
  readonly handles = () => true;
  validate(a: AdmissionAttributes): void {
    throw admissionForbidden(a, 'admission control is denying all modifications');
  }
}

/** Refuses requests in namespaces that do not exist (NamespaceLifecycle does so for creations). */
export class NamespaceExists implements AdmissionPlugin {
  readonly name = 'NamespaceExists';
  readonly handles = only('CREATE', 'UPDATE', 'DELETE');

  constructor(private readonly objects: ObjectAccess) {}

  async validate(a: AdmissionAttributes): Promise<void> {
    if (a.namespace === '' || (a.resource.group === '' && a.resource.resource === 'namespaces')) return;
    const gr = { group: '', resource: 'namespaces' };
    const found =
      (await this.objects.get(gr, '', a.namespace)) ??
      (await this.objects.get(gr, '', a.namespace, { consistent: true }));
    if (!found) throw newNotFound(gr, a.namespace);
  }
}
