import { type KubeObject, parseTime, Quantity } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../../object-access.js';
import { admissionForbidden } from '../errors.js';
import { isCore, only } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

const finalizers: Record<string, string> = {
  persistentvolumes: 'kubernetes.io/pv-protection',
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
};

/** Adds the finalizer that keeps claims and volumes in use from vanishing. */
export class StorageObjectInUseProtection implements AdmissionPlugin {
  readonly name = 'StorageObjectInUseProtection';
  readonly handles = only('CREATE');

  mutate(a: AdmissionAttributes): void {
    if (a.resource.group !== '' || a.subresource !== '' || !a.object) return;
    const finalizer = finalizers[a.resource.resource];
    const meta = a.object.metadata;
    if (finalizer && !meta.finalizers?.includes(finalizer)) meta.finalizers = [...(meta.finalizers ?? []), finalizer];
  }
}

const defaultClass = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

/** The newest of the objects that one of the annotations marks as the default. */
export function newestDefault(all: KubeObject[], annotations: string[]): KubeObject | undefined {
  const marked = all.filter((o) => annotations.some((k) => o.metadata.annotations?.[k] === 'true'));
  const time = (o: KubeObject) => parseTime(o.metadata.creationTimestamp) ?? 0;
  return marked.sort((x, y) => time(y) - time(x) || ((x.metadata.name ?? '') < (y.metadata.name ?? '') ? -1 : 1))[0];
}

/** Gives a claim without a storage class the default one. */
export class DefaultStorageClass implements AdmissionPlugin {
  readonly name = 'DefaultStorageClass';
  readonly handles = only('CREATE');

  constructor(private readonly objects: ObjectAccess) {}

  async mutate(a: AdmissionAttributes): Promise<void> {
    if (!a.object || !isCore(a, 'persistentvolumeclaims')) return;
    const spec = (a.object.spec ?? {}) as { storageClassName?: string | null };
    const legacy = a.object.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'];
    // An empty name asks for no class: only an absent one is filled.
    if (legacy !== undefined || (spec.storageClassName !== undefined && spec.storageClassName !== null)) return;
    const classes = await this.objects.list({ group: 'storage.k8s.io', resource: 'storageclasses' }, '');
    const found = newestDefault(classes, defaultClass);
    if (found?.metadata.name) a.object.spec = { ...spec, storageClassName: found.metadata.name };
  }
}

interface ClaimSpec {
  storageClassName?: string;
  resources?: { requests?: Record<string, string> };
}

/** Lets a bound claim grow only when its class allows it. */
export class PersistentVolumeClaimResize implements AdmissionPlugin {
  readonly name = 'PersistentVolumeClaimResize';
  readonly handles = only('UPDATE');

  constructor(private readonly objects: ObjectAccess) {}

  async validate(a: AdmissionAttributes): Promise<void> {
    if (!a.object || !a.oldObject || !isCore(a, 'persistentvolumeclaims')) return;
    const now = (a.object.spec ?? {}) as ClaimSpec;
    const old = (a.oldObject.spec ?? {}) as ClaimSpec;
    const size = (s: ClaimSpec) => Quantity.parseOrZero(s.resources?.requests?.storage);
    if (size(now).cmp(size(old)) <= 0) return;
    if ((a.oldObject.status as { phase?: string } | undefined)?.phase !== 'Bound') {
      throw admissionForbidden(a, 'Only bound persistent volume claims can be expanded');
    }
    const name = old.storageClassName;
    const classes = { group: 'storage.k8s.io', resource: 'storageclasses' };
    const storageClass = name ? await this.objects.get(classes, '', name) : undefined;
    if (storageClass?.allowVolumeExpansion !== true) {
      throw admissionForbidden(
        a,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
    }
  }
}
