import { type FieldError, FieldPath, field } from './field.js';
import { deepEqual, parseTime } from './meta.js';
import { isDns1123Label, isQualifiedName, isValidLabelValue } from './name-validation.js';
import type { LabelSelector, ObjectMeta, OwnerReference } from './types.js';

/** A check of a resource's name; `prefix` when it is a generateName. */
export type NameCheck = (name: string, prefix: boolean) => string[];

const totalAnnotationSizeLimit = 256 * 1024;
const immutable = 'field is immutable';

export function validateLabels(labels: Record<string, string> | undefined, path: FieldPath): FieldError[] {
  const out: FieldError[] = [];
  for (const [k, v] of Object.entries(labels ?? {})) {
    for (const msg of isQualifiedName(k)) out.push(field.invalid(path, k, msg));
    for (const msg of isValidLabelValue(v)) out.push(field.invalid(path, v, msg));
  }
  return out;
}

export function validateAnnotations(annotations: Record<string, string> | undefined, path: FieldPath): FieldError[] {
  const out: FieldError[] = [];
  let size = 0;
  for (const [k, v] of Object.entries(annotations ?? {})) {
    for (const msg of isQualifiedName(k.toLowerCase())) out.push(field.invalid(path, k, msg));
    size += Buffer.byteLength(k) + Buffer.byteLength(v);
  }
  if (size > totalAnnotationSizeLimit) out.push(field.tooLong(path, '', totalAnnotationSizeLimit));
  return out;
}

function validateOwnerReferences(refs: OwnerReference[] | undefined, path: FieldPath): FieldError[] {
  const out: FieldError[] = [];
  let controller: string | undefined;
  (refs ?? []).forEach((ref) => {
    const parts = (ref.apiVersion ?? '').split('/');
    const version = parts.length === 2 ? parts[1] : parts[0];
    if (parts.length > 2) {
      out.push(
        field.invalid(path.child('apiVersion'), ref.apiVersion, `unexpected GroupVersion string: ${ref.apiVersion}`),
      );
    } else if (!version)
      out.push(field.invalid(path.child('apiVersion'), ref.apiVersion ?? '', 'version must not be empty'));
    if (!ref.kind) out.push(field.invalid(path.child('kind'), '', 'must not be empty'));
    if (!ref.name) out.push(field.invalid(path.child('name'), '', 'must not be empty'));
    if (!ref.uid) out.push(field.invalid(path.child('uid'), '', 'must not be empty'));
    if (ref.apiVersion === 'v1' && ref.kind === 'Event') {
      out.push(field.invalid(path, '', '/v1, Kind=Event is disallowed from being an owner'));
    }
    if (ref.controller === true) {
      if (controller !== undefined) {
        out.push(
          field.invalid(
            path,
            refs,
            `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${ref.name}`,
          ),
        );
      } else controller = ref.name;
    }
  });
  return out;
}

const coreFinalizers = ['orphan', 'foregroundDeletion', 'kubernetes'];

/** A finalizer: a qualified name. (Names without a slash are allowed when Kubernetes defined them.) */
export function validateFinalizerName(name: string, path: FieldPath): FieldError[] {
  const out = isQualifiedName(name).map((m) => field.invalid(path, name, m));
  if (out.length === 0 && !name.includes('/') && !coreFinalizers.includes(name)) {
    // Kubernetes warns only (the object is stored): see warningsForFinalizers.
    return [];
  }
  return out;
}

function validateFinalizers(finalizers: string[] | undefined, path: FieldPath): FieldError[] {
  const out: FieldError[] = [];
  const list = finalizers ?? [];
  for (const f of list) out.push(...validateFinalizerName(f, path));
  if (list.includes('orphan') && list.includes('foregroundDeletion')) {
    out.push(field.invalid(path, list, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return out;
}

/** Checks a new object's metadata as ValidateObjectMeta does. */
export function validateObjectMeta(
  meta: ObjectMeta,
  o: { namespaced: boolean; nameFn: NameCheck },
  path: FieldPath = FieldPath.of('metadata'),
): FieldError[] {
  const out: FieldError[] = [];
  if (meta.generateName) {
    for (const m of o.nameFn(meta.generateName, true))
      out.push(field.invalid(path.child('generateName'), meta.generateName, m));
  }
  if (!meta.name) out.push(field.required(path.child('name'), 'name or generateName is required'));
  else for (const m of o.nameFn(meta.name, false)) out.push(field.invalid(path.child('name'), meta.name, m));
  if (o.namespaced) {
    if (!meta.namespace) out.push(field.required(path.child('namespace'), ''));
    else
      for (const m of isDns1123Label(meta.namespace))
        out.push(field.invalid(path.child('namespace'), meta.namespace, m));
  } else if (meta.namespace) out.push(field.forbidden(path.child('namespace'), 'not allowed on this type'));
  return [...out, ...validateAccessor(meta, path)];
}

function validateAccessor(meta: ObjectMeta, path: FieldPath): FieldError[] {
  const out: FieldError[] = [];
  if ((meta.generation ?? 0) < 0) {
    out.push(field.invalid(path.child('generation'), meta.generation, 'must be greater than or equal to 0'));
  }
  out.push(...validateLabels(meta.labels, path.child('labels')));
  out.push(...validateAnnotations(meta.annotations, path.child('annotations')));
  out.push(...validateOwnerReferences(meta.ownerReferences, path.child('ownerReferences')));
  out.push(...validateFinalizers(meta.finalizers, path.child('finalizers')));
  out.push(...validateManagedFields(meta, path.child('managedFields')));
  return out;
}

function validateManagedFields(meta: ObjectMeta, path: FieldPath): FieldError[] {
  const out: FieldError[] = [];
  (meta.managedFields ?? []).forEach((e, i) => {
    const p = path.index(i);
    if (e.operation !== 'Apply' && e.operation !== 'Update') {
      out.push(field.invalid(p.child('operation'), e.operation ?? '', 'must be `Apply` or `Update`'));
    }
    if (e.fieldsType !== undefined && e.fieldsType !== 'FieldsV1') {
      out.push(field.invalid(p.child('fieldsType'), e.fieldsType, 'must be `FieldsV1`'));
    }
    out.push(...validateFieldManager(e.manager ?? '', p.child('manager')));
  });
  return out;
}

/** A field manager's name: 128 printable characters at most. */
export function validateFieldManager(manager: string, path: FieldPath): FieldError[] {
  const out: FieldError[] = [];
  if (Buffer.byteLength(manager) > 128) out.push(field.tooLong(path, manager, 128));
  [...manager].forEach((c, i) => {
    if (/\p{C}|[\p{Zl}\p{Zp}]/u.test(c)) {
      out.push(field.invalid(path, manager, `invalid character ${JSON.stringify(c)} (at position ${i})`));
    }
  });
  return out;
}

/** Checks that an update keeps the metadata that never changes (ValidateObjectMetaUpdate). */
export function validateObjectMetaUpdate(
  meta: ObjectMeta,
  old: ObjectMeta,
  path: FieldPath = FieldPath.of('metadata'),
): FieldError[] {
  const out: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    for (const f of meta.finalizers ?? []) {
      if (!(old.finalizers ?? []).includes(f)) {
        out.push(
          field.forbidden(
            path.child('finalizers'),
            `no new finalizers can be added if the object is being deleted, found new finalizers ${goStrings(
              (meta.finalizers ?? []).filter((x) => !(old.finalizers ?? []).includes(x)),
            )}`,
          ),
        );
        break;
      }
    }
  }
  if (!meta.resourceVersion && meta.resourceVersion !== undefined && meta.resourceVersion !== '') {
    out.push(field.invalid(path.child('resourceVersion'), meta.resourceVersion, 'must be specified for an update'));
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    out.push(field.invalid(path.child('generation'), meta.generation ?? 0, 'must not be decremented'));
  }
  const same = (name: keyof ObjectMeta) => {
    if (!deepEqual(meta[name] ?? undefined, old[name] ?? undefined)) {
      out.push(field.invalid(path.child(name), meta[name] ?? '', immutable));
    }
  };
  same('name');
  same('namespace');
  same('uid');
  if (parseTime(meta.creationTimestamp ?? undefined) !== parseTime(old.creationTimestamp ?? undefined))
    same('creationTimestamp');
  if (parseTime(meta.deletionTimestamp) !== parseTime(old.deletionTimestamp)) same('deletionTimestamp');
  if (meta.deletionGracePeriodSeconds !== old.deletionGracePeriodSeconds) {
    out.push(
      field.invalid(path.child('deletionGracePeriodSeconds'), meta.deletionGracePeriodSeconds ?? null, immutable),
    );
  }
  return [...out, ...validateAccessor(meta, path)];
}

const goStrings = (list: string[]) => `[]string{${list.map((s) => JSON.stringify(s)).join(', ')}}`;

/** Checks a metav1.LabelSelector. */
export function validateLabelSelector(ls: LabelSelector | null | undefined, path: FieldPath): FieldError[] {
  if (!ls) return [];
  const out = validateLabels(ls.matchLabels, path.child('matchLabels'));
  (ls.matchExpressions ?? []).forEach((e, i) => {
    const p = path.child('matchExpressions').index(i);
    const values = e.values ?? [];
    if (e.operator === 'In' || e.operator === 'NotIn') {
      if (values.length === 0) {
        out.push(field.required(p.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
      }
    } else if (e.operator === 'Exists' || e.operator === 'DoesNotExist') {
      if (values.length > 0) {
        out.push(
          field.forbidden(p.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
      }
    } else out.push(field.invalid(p.child('operator'), e.operator ?? '', 'not a valid selector operator'));
    for (const m of isQualifiedName(e.key ?? '')) out.push(field.invalid(p.child('key'), e.key ?? '', m));
    values.forEach((v, j) => {
      for (const m of isValidLabelValue(v)) out.push(field.invalid(p.child('values').index(j), v, m));
    });
  });
  return out;
}
