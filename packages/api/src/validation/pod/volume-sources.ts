import { type FieldPath, field } from '@kubelab/apimachinery';
import type { V1EphemeralVolumeSource } from '../../generated/types.js';
import type { Errors } from '../common.js';
import { validatePersistentVolumeClaimSpec } from '../persistent-volume-claim.js';
import { validateNoBackstepPath } from './paths.js';

/** Fields that a source shared by pods and persistent volumes must have. */
const REQUIRED: Record<string, string[]> = {
  awsElasticBlockStore: ['volumeID'],
  azureDisk: ['diskName', 'diskURI'],
  azureFile: ['secretName', 'shareName'],
  cinder: ['volumeID'],
  cephfs: ['monitors'],
  fc: [],
  flexVolume: ['driver'],
  flocker: [],
  gcePersistentDisk: ['pdName'],
  gitRepo: ['repository'],
  glusterfs: ['endpoints', 'path'],
  iscsi: ['targetPortal', 'iqn'],
  local: ['path'],
  nfs: ['server', 'path'],
  photonPersistentDisk: ['pdID'],
  portworxVolume: ['volumeID'],
  quobyte: ['registry', 'volume'],
  rbd: ['monitors', 'image'],
  scaleIO: ['gateway', 'system', 'volumeName'],
  storageos: [],
  vsphereVolume: ['volumePath'],
};

/** Checks a source that pods and persistent volumes have in common. */
export function validateSharedSource(holder: object, name: string, path: FieldPath, errors: Errors): void {
  const source = ((holder as Record<string, unknown>)[name] ?? {}) as Record<string, unknown>;
  for (const required of REQUIRED[name] ?? []) {
    const value = source[required];
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) {
      errors.push(field.required(path.child(required), ''));
    }
  }
  if (name === 'nfs' && typeof source.path === 'string' && source.path !== '' && !source.path.startsWith('/')) {
    errors.push(field.invalid(path.child('path'), source.path, 'must be an absolute path'));
  }
  if (name === 'local' && typeof source.path === 'string') {
    validateNoBackstepPath(source.path, path.child('path'), errors);
  }
  if (name === 'fc' && !source.targetWWNs && !source.wwids) {
    errors.push(field.required(path.child('targetWWNs'), 'must specify either targetWWNs or wwids, but not both'));
  }
}

/** Checks the claim template of a generic ephemeral volume. */
export function validateEphemeralTemplate(
  source: V1EphemeralVolumeSource | undefined,
  path: FieldPath,
  errors: Errors,
): void {
  const template = source?.volumeClaimTemplate;
  const p = path.child('volumeClaimTemplate');
  if (!template) errors.push(field.required(p, ''));
  else validatePersistentVolumeClaimSpec(template.spec, p.child('spec'), errors);
}
