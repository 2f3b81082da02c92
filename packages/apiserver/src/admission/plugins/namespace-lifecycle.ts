import { newNotFound, type StatusError } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../../object-access.js';
import { admissionForbidden } from '../errors.js';
import { only } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

const immortal = ['default', 'kube-system', 'kube-public'];
const namespaces = { group: '', resource: 'namespaces' };
/** Served whatever the namespace's state is: a namespace's own admin must be able to ask. */
const accessReviews = new Set(['localsubjectaccessreviews']);

/** Refuses writes into namespaces that do not exist or are being deleted, and deletes of the three system namespaces. */
export class NamespaceLifecycle implements AdmissionPlugin {
  readonly name = 'NamespaceLifecycle';
  readonly handles = only('CREATE', 'UPDATE', 'DELETE');

  constructor(private readonly objects: ObjectAccess) {}

  validate(a: AdmissionAttributes): void | Promise<void> {
    const isNamespace = a.resource.group === '' && a.resource.resource === 'namespaces';
    if (a.operation === 'DELETE' && isNamespace && a.subresource === '' && immortal.includes(a.name)) {
      throw admissionForbidden(a, 'this namespace may not be deleted');
    }
    if (isNamespace || a.namespace === '' || a.operation !== 'CREATE') return;
    if (a.resource.group === 'authorization.k8s.io' && accessReviews.has(a.resource.resource)) return;
    return this.check(a);
  }

  private async check(a: AdmissionAttributes): Promise<void> {
    // The cache may be behind a namespace made a moment ago.
    const namespace =
      (await this.objects.get(namespaces, '', a.namespace)) ??
      (await this.objects.get(namespaces, '', a.namespace, { consistent: true }));
    if (!namespace) throw newNotFound(namespaces, a.namespace);
    const phase = (namespace.status as { phase?: string } | undefined)?.phase;
    if (phase === 'Terminating' || namespace.metadata.deletionTimestamp) throw terminating(a);
  }
}

function terminating(a: AdmissionAttributes): StatusError {
  const message = `unable to create new content in namespace ${a.namespace} because it is being terminated`;
  const err = admissionForbidden(a, message);
  // Controllers recognize the case by this cause.
  err.status.details = {
    ...err.status.details,
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${a.namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  };
  return err;
}

/** Creates the namespace of a request when it does not exist (off by default). */
export class NamespaceAutoProvision implements AdmissionPlugin {
  readonly name = 'NamespaceAutoProvision';
  readonly handles = only('CREATE');

  constructor(
    private readonly objects: ObjectAccess,
    private readonly createNamespace: (name: string) => Promise<void>,
  ) {}

  async mutate(a: AdmissionAttributes): Promise<void> {
    if (a.namespace === '' || a.dryRun || (a.resource.group === '' && a.resource.resource === 'namespaces')) return;
    if (await this.objects.get(namespaces, '', a.namespace)) return;
    await this.createNamespace(a.namespace);
  }
}
