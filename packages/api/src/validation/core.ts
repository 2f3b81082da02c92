import {
  FieldPath,
  field,
  isConfigMapKey,
  isDns1123Subdomain,
  isQualifiedName,
  isValidCIDR,
  isValidLabelValue,
} from '@kubelab/apimachinery';
import type { CoreV1Event, V1ConfigMap, V1Namespace, V1Node, V1Secret, V1ServiceAccount } from '../generated/types.js';
import { type Errors, each, entries, immutable, invalidAll, list, semanticEqual } from './common.js';
import { diffText } from './diff.js';
import { validateResourceQuantity } from './pod/resources.js';

/** Most bytes that a ConfigMap's or Secret's values may have together. */
const MAX_DATA_SIZE = 1024 * 1024;

const decodedSize = (base64: string): number =>
  Math.floor((base64.length * 3) / 4) - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);

/** Checks a ConfigMap. */
export function validateConfigMap(cm: V1ConfigMap): Errors {
  const errors: Errors = [];
  let size = 0;
  for (const [key, value] of entries(cm.data)) {
    const p = FieldPath.of('data').key(key);
    invalidAll(p, key, isConfigMapKey(key), errors);
    if (cm.binaryData && key in cm.binaryData) {
      errors.push(field.invalid(p, key, `duplicate of key present in binaryData`));
    }
    size += Buffer.byteLength(value);
  }
  for (const [key, value] of entries(cm.binaryData)) {
    invalidAll(FieldPath.of('binaryData').key(key), key, isConfigMapKey(key), errors);
    size += decodedSize(value);
  }
  if (size > MAX_DATA_SIZE) errors.push(field.tooLong('', cm, MAX_DATA_SIZE));
  return errors;
}

const IMMUTABLE_SET = 'field is immutable when `immutable` is set';

/** Checks an update of a ConfigMap: nothing changes in an immutable one. */
export function validateConfigMapUpdate(cm: V1ConfigMap, old: V1ConfigMap): Errors {
  const errors: Errors = [];
  if (old.immutable) {
    if (!cm.immutable) errors.push(field.forbidden('immutable', IMMUTABLE_SET));
    if (!semanticEqual(cm.data, old.data)) errors.push(field.forbidden('data', IMMUTABLE_SET));
    if (!semanticEqual(cm.binaryData, old.binaryData)) errors.push(field.forbidden('binaryData', IMMUTABLE_SET));
  }
  errors.push(...validateConfigMap(cm));
  return errors;
}

/** Keys that typed secrets must have. */
const SECRET_KEYS: Record<string, string[]> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

/** Checks a Secret. */
export function validateSecret(secret: V1Secret): Errors {
  const errors: Errors = [];
  const data = FieldPath.of('data');
  let size = 0;
  for (const [key, value] of entries(secret.data)) {
    invalidAll(data.key(key), key, isConfigMapKey(key), errors);
    size += decodedSize(value);
  }
  if (size > MAX_DATA_SIZE) errors.push(field.tooLong(data, '', MAX_DATA_SIZE));
  const type = secret.type ?? '';
  if (type === 'kubernetes.io/service-account-token') {
    const account = secret.metadata?.annotations?.['kubernetes.io/service-account.name'];
    if (!account) {
      errors.push(
        field.required(FieldPath.of('metadata', 'annotations').key('kubernetes.io/service-account.name'), ''),
      );
    }
  } else if (type === 'kubernetes.io/basic-auth') {
    const has = (key: string): boolean => secret.data !== undefined && key in secret.data;
    if (!has('username') && !has('password')) {
      errors.push(field.required(data.key('username'), ''), field.required(data.key('password'), ''));
    }
  }
  for (const key of SECRET_KEYS[type] ?? []) {
    const value = secret.data?.[key];
    if (value === undefined) errors.push(field.required(data.key(key), ''));
    else if (type.startsWith('kubernetes.io/dockerc')) {
      try {
        JSON.parse(Buffer.from(value, 'base64').toString('utf8'));
      } catch (err) {
        errors.push(field.invalid(data.key(key), '<secret contents redacted>', String((err as Error).message)));
      }
    }
  }
  return errors;
}

/** Checks an update of a Secret: its type stays, and everything in an immutable one. */
export function validateSecretUpdate(secret: V1Secret, old: V1Secret): Errors {
  const errors: Errors = [];
  immutable(secret.type || old.type, old.type, FieldPath.of('type'), errors);
  if (old.immutable) {
    if (!secret.immutable) errors.push(field.forbidden('immutable', IMMUTABLE_SET));
    if (!semanticEqual(secret.data, old.data)) errors.push(field.forbidden('data', IMMUTABLE_SET));
  }
  errors.push(...validateSecret(secret));
  return errors;
}

/** Checks a service account (its name is all there is). */
export function validateServiceAccount(_account: V1ServiceAccount): Errors {
  return [];
}

/** Checks a namespace's finalizers. */
export function validateNamespace(ns: V1Namespace): Errors {
  const errors: Errors = [];
  each(ns.spec?.finalizers, (name) => {
    const p = FieldPath.of('spec', 'finalizers');
    invalidAll(p, name, isQualifiedName(name), errors);
    if (!name.includes('/') && name !== 'kubernetes') {
      errors.push(field.invalid(p, name, `name is neither a standard finalizer name nor is it fully qualified`));
    }
  });
  return errors;
}

/** Checks a namespace's status. */
export function validateNamespaceStatus(ns: V1Namespace): Errors {
  const errors: Errors = [];
  const p = FieldPath.of('status', 'Phase');
  if (ns.metadata?.deletionTimestamp === undefined) {
    if (ns.status?.phase !== 'Active') {
      errors.push(field.invalid(p, ns.status?.phase ?? '', "may only be 'Active' if `deletionTimestamp` is empty"));
    }
  } else if (ns.status?.phase !== 'Terminating') {
    errors.push(
      field.invalid(p, ns.status?.phase ?? '', "may only be 'Terminating' if `deletionTimestamp` is not empty"),
    );
  }
  return errors;
}

const TAINT_EFFECTS = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];

/** Checks a node: taints, pod CIDRs, extended resources. */
export function validateNode(node: V1Node): Errors {
  const errors: Errors = [];
  const spec = FieldPath.of('spec');
  const seen = new Set<string>();
  each(node.spec?.taints, (t, i) => {
    const p = spec.child('taints').index(i);
    invalidAll(p.child('key'), t.key ?? '', isQualifiedName(t.key ?? ''), errors);
    const messages = isValidLabelValue(t.value ?? '');
    if (messages.length > 0) errors.push(field.invalid(p.child('value'), t.value, messages.join(';')));
    if (!t.effect) errors.push(field.required(p.child('effect'), ''));
    else if (!TAINT_EFFECTS.includes(t.effect)) {
      errors.push(field.notSupported(p.child('effect'), t.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute']));
    }
    const id = `${t.effect}/${t.key}`;
    if (seen.has(id)) errors.push(field.duplicate(p, t));
    seen.add(id);
  });
  const cidrs = list(node.spec?.podCIDRs);
  each(cidrs, (cidr, i) => invalidAll(spec.child('podCIDRs').index(i), cidr, isValidCIDR(cidr), errors));
  for (const kind of ['capacity', 'allocatable'] as const) {
    for (const [name, value] of entries(node.status?.[kind])) {
      const p = FieldPath.of('status', kind).key(name);
      invalidAll(p, name, isQualifiedName(name), errors);
      validateResourceQuantity(name, value, p, errors);
    }
  }
  return errors;
}

/** Checks an update of a node: what identifies it stays. */
export function validateNodeUpdate(node: V1Node, old: V1Node): Errors {
  const errors = validateNode(node);
  const spec = FieldPath.of('spec');
  const before = list(old.spec?.podCIDRs);
  if (before.length > 0 && !semanticEqual(before, list(node.spec?.podCIDRs))) {
    errors.push(field.forbidden(spec.child('podCIDRs'), 'node updates may not change podCIDR except from "" to valid'));
  }
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID) {
    errors.push(
      field.forbidden(spec.child('providerID'), 'node updates may not change providerID except from "" to valid'),
    );
  }
  const rest = (n: V1Node): unknown => ({
    ...n.spec,
    podCIDR: '',
    podCIDRs: [],
    providerID: '',
    taints: [],
    unschedulable: false,
    configSource: undefined,
  });
  if (!semanticEqual(rest(node), rest(old))) {
    errors.push(
      field.forbidden(
        '',
        `node updates may only change labels, taints, or capacity (or configSource, if the DynamicKubeletConfig feature gate is enabled)\n${diffText(rest(old), rest(node))}`,
      ),
    );
  }
  return errors;
}

/** Checks a core event: it lies in the namespace of what it is about. */
export function validateEvent(event: CoreV1Event): Errors {
  const errors: Errors = [];
  const namespace = event.metadata?.namespace ?? '';
  const about = event.involvedObject?.namespace ?? '';
  const path = FieldPath.of('involvedObject', 'namespace');
  if (about === '' ? namespace !== '' && namespace !== 'default' && namespace !== 'kube-system' : about !== namespace) {
    errors.push(field.invalid(path, about, 'does not match event.namespace'));
  }
  if (about !== '') {
    const messages = isDns1123Subdomain(about);
    invalidAll(path, about, messages, errors);
  }
  return errors;
}
