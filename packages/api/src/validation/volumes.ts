import { FieldPath, field, isDns1123Subdomain, Quantity } from '@kubelab/apimachinery';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../generated/types.js';
import { type Errors, entries, immutable, invalidAll, optionalEnum, semanticEqual } from './common.js';
import { diffText } from './diff.js';
import { validateAccessModes, validatePersistentVolumeClaimSpec } from './persistent-volume-claim.js';
import { validateNoBackstepPath } from './pod/paths.js';
import { validateNodeSelector } from './pod/scheduling.js';
import { validateSharedSource } from './pod/volume-sources.js';

const SPEC = FieldPath.of('spec');
const NOT_SOURCES = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

/** Checks a persistent volume. */
export function validatePersistentVolume(volume: V1PersistentVolume): Errors {
  const errors: Errors = [];
  const spec = volume.spec ?? {};
  validateAccessModes(spec.accessModes, SPEC.child('accessModes'), errors);
  const capacity = SPEC.child('capacity');
  if (Object.keys(spec.capacity ?? {}).length === 0) errors.push(field.required(capacity, ''));
  else if (spec.capacity?.storage === undefined) {
    errors.push(field.notSupported(capacity, spec.capacity, ['storage']));
  }
  for (const [name, value] of entries(spec.capacity)) {
    const q = Quantity.tryParse(value);
    if (q && q.sign() <= 0) errors.push(field.invalid(capacity.key(name), value, 'must be greater than zero'));
  }
  optionalEnum(
    spec.persistentVolumeReclaimPolicy,
    ['Delete', 'Recycle', 'Retain'],
    SPEC.child('persistentVolumeReclaimPolicy'),
    errors,
  );
  let sources = 0;
  for (const name of Object.keys(spec)) {
    if (NOT_SOURCES.has(name)) continue;
    const p = SPEC.child(name);
    if (++sources > 1) errors.push(field.forbidden(p, 'may not specify more than 1 volume type'));
    else if (name === 'hostPath') {
      if (!spec.hostPath?.path) errors.push(field.required(p.child('path'), ''));
      else {
        validateNoBackstepPath(spec.hostPath.path, p.child('path'), errors);
        if (spec.hostPath.path === '/' && spec.persistentVolumeReclaimPolicy === 'Recycle') {
          errors.push(
            field.forbidden(
              SPEC.child('persistentVolumeReclaimPolicy'),
              "may not be 'recycle' for a hostPath mount of '/'",
            ),
          );
        }
      }
    } else if (name === 'csi') {
      if (!spec.csi?.driver) errors.push(field.required(p.child('driver'), ''));
      if (!spec.csi?.volumeHandle) errors.push(field.required(p.child('volumeHandle'), ''));
    } else validateSharedSource(spec, name, p, errors);
  }
  if (sources === 0) errors.push(field.required(SPEC, 'must specify a volume type'));
  if (spec.local && !spec.nodeAffinity?.required) {
    errors.push(field.required(SPEC.child('nodeAffinity'), 'Local volume requires node affinity'));
  }
  if (spec.nodeAffinity?.required) {
    validateNodeSelector(spec.nodeAffinity.required, SPEC.child('nodeAffinity', 'required'), errors);
  } else if (spec.nodeAffinity) {
    errors.push(field.required(SPEC.child('nodeAffinity', 'required'), 'must specify required node constraints'));
  }
  if (spec.storageClassName) {
    invalidAll(
      SPEC.child('storageClassName'),
      spec.storageClassName,
      isDns1123Subdomain(spec.storageClassName),
      errors,
    );
  }
  optionalEnum(spec.volumeMode, ['Block', 'Filesystem'], SPEC.child('volumeMode'), errors);
  return errors;
}

/** Checks an update of a persistent volume: its source, mode and node affinity stay. */
export function validatePersistentVolumeUpdate(volume: V1PersistentVolume, old: V1PersistentVolume): Errors {
  const errors = validatePersistentVolume(volume);
  const source = (v: V1PersistentVolume): object =>
    Object.fromEntries(Object.entries(v.spec ?? {}).filter(([name]) => !NOT_SOURCES.has(name)));
  if (!semanticEqual(source(volume), source(old))) {
    errors.push(
      field.forbidden(
        SPEC.child('persistentvolumesource'),
        `spec.persistentvolumesource is immutable after creation\n${diffText(source(old), source(volume))}`,
      ),
    );
  }
  immutable(volume.spec?.volumeMode, old.spec?.volumeMode, SPEC.child('volumeMode'), errors);
  if (old.spec?.nodeAffinity) {
    immutable(volume.spec?.nodeAffinity, old.spec.nodeAffinity, SPEC.child('nodeAffinity'), errors);
  }
  return errors;
}

/** Checks a claim. */
export function validatePersistentVolumeClaim(claim: V1PersistentVolumeClaim): Errors {
  const errors: Errors = [];
  validatePersistentVolumeClaimSpec(claim.spec, SPEC, errors);
  return errors;
}

/** Checks an update of a claim: it may only grow, change its attributes class, and be bound. */
export function validatePersistentVolumeClaimUpdate(
  claim: V1PersistentVolumeClaim,
  old: V1PersistentVolumeClaim,
): Errors {
  const errors = validatePersistentVolumeClaim(claim);
  const now = structuredClone(claim.spec ?? {});
  const was = structuredClone(old.spec ?? {});
  // The controller that binds the claim sets the volume's name.
  if (!was.volumeName) was.volumeName = now.volumeName;
  // A default class may be given to a claim that has none yet.
  if (
    was.storageClassName === undefined &&
    old.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] === undefined
  ) {
    was.storageClassName = now.storageClassName;
  }
  const size = Quantity.tryParse(now.resources?.requests?.storage);
  const before = Quantity.tryParse(was.resources?.requests?.storage);
  if (size && before && !size.equals(before)) {
    if (size.cmp(before) < 0) {
      const current = Quantity.parseOrZero(old.status?.capacity?.storage);
      const recovering = old.status?.capacity?.storage !== undefined && size.cmp(current) > 0;
      if (!recovering) {
        errors.push(
          field.forbidden(SPEC.child('resources', 'requests', 'storage'), 'field can not be less than status.capacity'),
        );
      }
    }
    if (old.status?.phase === 'Bound') was.resources = now.resources;
  }
  was.volumeAttributesClassName = now.volumeAttributesClassName;
  if (!semanticEqual(now, was)) {
    errors.push(
      field.forbidden(
        SPEC,
        `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${diffText(was, now)}`,
      ),
    );
  }
  immutable(claim.spec?.volumeMode, old.spec?.volumeMode, SPEC.child('volumeMode'), errors);
  return errors;
}
