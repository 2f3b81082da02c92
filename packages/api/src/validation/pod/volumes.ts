import { type FieldPath, field, isConfigMapKey, isDns1123Label, isDns1123Subdomain } from '@kubelab/apimachinery';
import type { V1KeyToPath, V1ProjectedVolumeSource, V1Volume } from '../../generated/types.js';
import { type Errors, each, invalidAll, list, optionalEnum, requiredEnum } from '../common.js';
import { validateObjectFieldSelector, validateResourceFieldSelector } from './env.js';
import { validateNoBackstepPath, validateRelativePath } from './paths.js';
import { validateEphemeralTemplate, validateSharedSource } from './volume-sources.js';

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
const FILE_MODE_ERROR = 'must be a number between 0 and 0777 (octal), both inclusive';

function validateMode(mode: number | undefined, path: FieldPath, errors: Errors): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) errors.push(field.invalid(path, mode, FILE_MODE_ERROR));
}

function validateKeyToPath(items: V1KeyToPath[] | undefined, path: FieldPath, errors: Errors): void {
  each(items, (item, i) => {
    const p = path.child('items').index(i);
    if (!item.key) errors.push(field.required(p.child('key'), ''));
    else invalidAll(p.child('key'), item.key, isConfigMapKey(item.key), errors);
    if (!item.path) errors.push(field.required(p.child('path'), ''));
    else validateRelativePath(item.path, p.child('path'), errors);
    validateMode(item.mode, p.child('mode'), errors);
  });
}

type DownwardItems = NonNullable<NonNullable<V1Volume['downwardAPI']>['items']>;

function validateDownwardItems(items: DownwardItems | undefined, path: FieldPath, errors: Errors): void {
  each(items, (file, i) => {
    // Kubernetes names the source here, not the item.
    const p = path;
    if (!file.path) errors.push(field.required(p.child('path'), ''));
    else validateRelativePath(file.path, p.child('path'), errors);
    if (file.fieldRef) {
      validateObjectFieldSelector(file.fieldRef, 'volume', p.child('fieldRef'), errors);
      if (file.resourceFieldRef) {
        errors.push(field.invalid(p, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
      }
    } else if (file.resourceFieldRef) {
      validateResourceFieldSelector(file.resourceFieldRef, true, p.child('resourceFieldRef'), errors);
    } else {
      errors.push(field.required(p, `one of fieldRef and resourceFieldRef is required (items[${i}])`));
    }
    validateMode(file.mode, p.child('mode'), errors);
  });
}

function validateProjected(source: V1ProjectedVolumeSource, path: FieldPath, errors: Errors): void {
  validateMode(source.defaultMode, path.child('defaultMode'), errors);
  const seen = new Set<string>();
  const conflict = (file: string, p: FieldPath): void => {
    if (seen.has(file)) errors.push(field.invalid(p, source, `conflicting duplicate paths: ${JSON.stringify(file)}`));
    seen.add(file);
  };
  each(source.sources, (s, i) => {
    const p = path.child('sources').index(i);
    const kinds = (['secret', 'configMap', 'downwardAPI', 'serviceAccountToken', 'clusterTrustBundle'] as const).filter(
      (k) => s[k],
    );
    kinds.forEach((kind, n) => {
      if (n > 0) errors.push(field.forbidden(p.child(kind), 'may not specify more than 1 volume type per source'));
    });
    for (const kind of ['secret', 'configMap'] as const) {
      const ref = s[kind];
      if (!ref) continue;
      if (!ref.name) errors.push(field.required(p.child(kind).child('name'), ''));
      validateKeyToPath(ref.items, p.child(kind), errors);
      for (const item of list(ref.items)) conflict(item.path, p.child(kind));
    }
    if (s.downwardAPI) {
      validateDownwardItems(s.downwardAPI.items, p.child('downwardAPI'), errors);
      for (const item of list(s.downwardAPI.items)) conflict(item.path, p.child('downwardAPI'));
    }
    const token = s.serviceAccountToken;
    if (token) {
      const tp = p.child('serviceAccountToken');
      const seconds = token.expirationSeconds ?? 0;
      if (seconds < 600) {
        errors.push(
          field.invalid(tp.child('expirationSeconds'), seconds, 'may not specify a duration less than 10 minutes'),
        );
      }
      if (seconds > 2 ** 32) {
        errors.push(
          field.invalid(tp.child('expirationSeconds'), seconds, 'may not specify a duration larger than 2^32 seconds'),
        );
      }
      if (!token.path) errors.push(field.required(tp.child('path'), ''));
      else {
        validateRelativePath(token.path, tp.child('path'), errors);
        conflict(token.path, tp);
      }
    }
  });
}

function validatePodSource(v: V1Volume, name: string, path: FieldPath, errors: Errors): void {
  const p = path.child(name);
  if (name === 'secret' && v.secret) {
    if (!v.secret.secretName) errors.push(field.required(p.child('secretName'), ''));
    validateMode(v.secret.defaultMode, p.child('defaultMode'), errors);
    validateKeyToPath(v.secret.items, p, errors);
  } else if (name === 'configMap' && v.configMap) {
    if (!v.configMap.name) errors.push(field.required(p.child('name'), ''));
    validateMode(v.configMap.defaultMode, p.child('defaultMode'), errors);
    validateKeyToPath(v.configMap.items, p, errors);
  } else if (name === 'downwardAPI' && v.downwardAPI) {
    validateMode(v.downwardAPI.defaultMode, p.child('defaultMode'), errors);
    validateDownwardItems(v.downwardAPI.items, p, errors);
  } else if (name === 'projected' && v.projected) {
    validateProjected(v.projected, p, errors);
  } else if (name === 'persistentVolumeClaim') {
    if (!v.persistentVolumeClaim?.claimName) errors.push(field.required(p.child('claimName'), ''));
  } else if (name === 'emptyDir') {
    const limit = v.emptyDir?.sizeLimit;
    if (limit?.startsWith('-')) {
      errors.push(field.forbidden(p.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity'));
    }
  } else if (name === 'hostPath' && v.hostPath) {
    if (!v.hostPath.path) errors.push(field.required(p.child('path'), ''));
    else validateNoBackstepPath(v.hostPath.path, p.child('path'), errors);
    optionalEnum(v.hostPath.type, HOST_PATH_TYPES, p.child('type'), errors);
  } else if (name === 'csi' && v.csi) {
    if (!v.csi.driver) errors.push(field.required(p.child('driver'), ''));
    if (v.csi.nodePublishSecretRef && !v.csi.nodePublishSecretRef.name) {
      errors.push(field.required(p.child('nodePublishSecretRef', 'name'), ''));
    }
  } else if (name === 'image' && v.image) {
    if (!v.image.reference) errors.push(field.required(p.child('reference'), ''));
    if (v.image.pullPolicy) {
      requiredEnum(v.image.pullPolicy, ['Always', 'IfNotPresent', 'Never'], p.child('pullPolicy'), errors);
    }
  } else if (name === 'ephemeral') {
    validateEphemeralTemplate(v.ephemeral, p, errors);
  } else {
    validateSharedSource(v, name, p, errors);
  }
}

/**
 * Checks the volumes of a pod.
 * @returns the volumes by name, for the checks of mounts
 */
export function validateVolumes(
  volumes: V1Volume[] | undefined,
  podName: string | undefined,
  path: FieldPath,
  errors: Errors,
): Map<string, V1Volume> {
  const byName = new Map<string, V1Volume>();
  each(volumes, (v, i) => {
    const p = path.index(i);
    if (!v.name) errors.push(field.required(p.child('name'), ''));
    else {
      const messages = isDns1123Label(v.name);
      invalidAll(p.child('name'), v.name, messages, errors);
      if (byName.has(v.name)) errors.push(field.duplicate(p.child('name'), v.name));
      else if (messages.length === 0) byName.set(v.name, v);
    }
    let sources = 0;
    for (const name of Object.keys(v)) {
      if (name === 'name') continue;
      if (++sources > 1) errors.push(field.forbidden(p.child(name), 'may not specify more than 1 volume type'));
      else validatePodSource(v, name, p, errors);
    }
    if (sources === 0) errors.push(field.required(p, 'must specify a volume type'));
    if (v.ephemeral && podName && v.name) {
      const claim = `${podName}-${v.name}`;
      for (const message of isDns1123Subdomain(claim)) {
        errors.push(field.invalid(p.child('name'), v.name, `PVC name ${JSON.stringify(claim)}: ${message}`));
      }
    }
  });
  return byName;
}
