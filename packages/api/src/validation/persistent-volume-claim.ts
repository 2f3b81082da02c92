import { type FieldPath, field, isDns1123Subdomain, Quantity, validateLabelSelector } from '@kubelab/apimachinery';
import type { V1PersistentVolumeClaimSpec } from '../generated/types.js';
import { type Errors, invalidAll, list } from './common.js';

/** Ways to mount a volume. */
export const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** Checks access modes: at least one, known ones, ReadWriteOncePod alone. */
export function validateAccessModes(modes: string[] | undefined, path: FieldPath, errors: Errors): void {
  if (list(modes).length === 0) errors.push(field.required(path, 'at least 1 access mode is required'));
  for (const mode of list(modes)) {
    if (!ACCESS_MODES.includes(mode)) errors.push(field.notSupported(path, mode, ACCESS_MODES));
  }
  if (list(modes).includes('ReadWriteOncePod') && list(modes).length > 1) {
    errors.push(field.forbidden(path, 'may not use ReadWriteOncePod with other access modes'));
  }
}

/** Checks the spec of a claim, or of a claim template. */
export function validatePersistentVolumeClaimSpec(
  spec: V1PersistentVolumeClaimSpec | undefined,
  path: FieldPath,
  errors: Errors,
): void {
  validateAccessModes(spec?.accessModes, path.child('accessModes'), errors);
  errors.push(...validateLabelSelector(spec?.selector, path.child('selector')));
  const storage = spec?.resources?.requests?.storage;
  const storagePath = path.child('resources').key('storage');
  if (storage === undefined) errors.push(field.required(storagePath, ''));
  else {
    const quantity = Quantity.tryParse(storage);
    if (quantity && quantity.sign() <= 0) errors.push(field.invalid(storagePath, storage, 'must be greater than zero'));
  }
  if (spec?.storageClassName) {
    const p = path.child('storageClassName');
    invalidAll(p, spec.storageClassName, isDns1123Subdomain(spec.storageClassName), errors);
  }
  if (spec?.volumeMode !== undefined && !['Block', 'Filesystem'].includes(spec.volumeMode)) {
    errors.push(field.notSupported(path.child('volumeMode'), spec.volumeMode, ['Block', 'Filesystem']));
  }
  for (const name of ['dataSource', 'dataSourceRef'] as const) {
    const source = spec?.[name];
    if (!source) continue;
    const p = path.child(name);
    if (!source.name) errors.push(field.required(p.child('name'), ''));
    if (!source.kind) errors.push(field.required(p.child('kind'), ''));
    if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim') {
      errors.push(
        field.invalid(p, source.kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"),
      );
    }
  }
}
