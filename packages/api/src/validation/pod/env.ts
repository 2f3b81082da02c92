import { type FieldPath, field, isConfigMapKey, isDns1123Subdomain, isRelaxedEnvVarName } from '@kubelab/apimachinery';
import type {
  V1EnvFromSource,
  V1EnvVar,
  V1ObjectFieldSelector,
  V1ResourceFieldSelector,
} from '../../generated/types.js';
import { type Errors, each, invalidAll } from '../common.js';

const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const VOLUME_FIELDS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

/** Where a downward-API reference stands: the fields that may be named differ. */
export type FieldRefUse = 'env' | 'volume';

/** Checks a fieldRef of the downward API. */
export function validateObjectFieldSelector(
  ref: V1ObjectFieldSelector,
  use: FieldRefUse,
  path: FieldPath,
  errors: Errors,
): void {
  if (!ref.apiVersion) {
    errors.push(field.required(path.child('apiVersion'), ''));
    return;
  }
  if (!ref.fieldPath) {
    errors.push(field.required(path.child('fieldPath'), ''));
    return;
  }
  const p = path.child('fieldPath');
  const subscript = /^(metadata\.(?:annotations|labels))\['(.*)'\]$/.exec(ref.fieldPath);
  if (subscript) return;
  const known = new Set([...ENV_FIELDS, ...VOLUME_FIELDS]);
  if (!known.has(ref.fieldPath) || ref.apiVersion !== 'v1') {
    errors.push(
      field.invalid(p, ref.fieldPath, `error converting fieldPath: field label not supported: ${ref.fieldPath}`),
    );
    return;
  }
  const allowed = use === 'env' ? ENV_FIELDS : VOLUME_FIELDS;
  if (!allowed.includes(ref.fieldPath)) errors.push(field.notSupported(p, ref.fieldPath, allowed));
}

/** Checks a resourceFieldRef of the downward API. */
export function validateResourceFieldSelector(
  ref: V1ResourceFieldSelector,
  volume: boolean,
  path: FieldPath,
  errors: Errors,
): void {
  if (volume && !ref.containerName) errors.push(field.required(path.child('containerName'), ''));
  else if (!ref.resource) errors.push(field.required(path.child('resource'), ''));
  else if (!RESOURCES.includes(ref.resource) && !/^(limits|requests)\.hugepages-/.test(ref.resource)) {
    errors.push(field.notSupported(path.child('resource'), ref.resource, RESOURCES));
  }
}

function validateKeyRef(ref: { name?: string; key?: string }, path: FieldPath, errors: Errors): void {
  if (!ref.name) errors.push(field.required(path.child('name'), ''));
  if (!ref.key) errors.push(field.required(path.child('key'), ''));
  else invalidAll(path.child('key'), ref.key, isConfigMapKey(ref.key), errors);
}

function validateValueFrom(env: V1EnvVar, path: FieldPath, errors: Errors): void {
  const from = env.valueFrom;
  if (!from) return;
  let sources = 0;
  if (from.fieldRef) {
    sources++;
    validateObjectFieldSelector(from.fieldRef, 'env', path.child('fieldRef'), errors);
  }
  if (from.resourceFieldRef) {
    sources++;
    validateResourceFieldSelector(from.resourceFieldRef, false, path.child('resourceFieldRef'), errors);
  }
  if (from.configMapKeyRef) {
    sources++;
    validateKeyRef(from.configMapKeyRef, path.child('configMapKeyRef'), errors);
  }
  if (from.secretKeyRef) {
    sources++;
    validateKeyRef(from.secretKeyRef, path.child('secretKeyRef'), errors);
  }
  if (sources === 0) {
    errors.push(
      field.invalid(
        path,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
      ),
    );
  }
  if (env.value) {
    if (sources > 0) errors.push(field.invalid(path, '', 'may not be specified when `value` is not empty'));
  } else if (sources > 1) {
    errors.push(field.invalid(path, '', 'may not have more than one field specified at a time'));
  }
}

/** Checks the environment of a container. */
export function validateEnv(vars: V1EnvVar[] | undefined, path: FieldPath, errors: Errors): void {
  each(vars, (env, i) => {
    const p = path.index(i);
    if (!env.name) errors.push(field.required(p.child('name'), ''));
    else invalidAll(p.child('name'), env.name, isRelaxedEnvVarName(env.name), errors);
    validateValueFrom(env, p.child('valueFrom'), errors);
  });
}

/** Checks the envFrom of a container. */
export function validateEnvFrom(vars: V1EnvFromSource[] | undefined, path: FieldPath, errors: Errors): void {
  each(vars, (from, i) => {
    const p = path.index(i);
    if (from.prefix) invalidAll(p.child('prefix'), from.prefix, isRelaxedEnvVarName(from.prefix), errors);
    const sources = (['configMapRef', 'secretRef'] as const).filter((k) => from[k]);
    for (const kind of sources) {
      const name = from[kind]?.name;
      if (!name) errors.push(field.required(p.child(kind).child('name'), ''));
      else invalidAll(p.child(kind).child('name'), name, isDns1123Subdomain(name), errors);
    }
    if (sources.length === 0) {
      errors.push(field.invalid(p, '', 'must specify one of: `configMapRef` or `secretRef`'));
    } else if (sources.length > 1) {
      errors.push(field.invalid(p, '', 'may not have more than one field specified at a time'));
    }
  });
}
