import { type FieldPath, field } from '@kubelab/apimachinery';
import type {
  V1AppArmorProfile,
  V1PodSecurityContext,
  V1PodSpec,
  V1SeccompProfile,
  V1SecurityContext,
} from '../../generated/types.js';
import { type Errors, each, invalidAll, list, optionalEnum } from '../common.js';
import { validateDescendingPath } from './paths.js';

const MAX_ID = 2147483647;

function validateId(id: number | undefined, path: FieldPath, errors: Errors): void {
  if (id !== undefined && (id < 0 || id > MAX_ID)) {
    errors.push(field.invalid(path, id, `must be between 0 and ${MAX_ID}, inclusive`));
  }
}

function validateSeccomp(profile: V1SeccompProfile | undefined, path: FieldPath, errors: Errors): void {
  if (!profile) return;
  if (profile.type === 'Localhost') {
    if (!profile.localhostProfile) {
      errors.push(field.required(path.child('localhostProfile'), 'must be set when seccomp type is Localhost'));
    } else validateDescendingPath(profile.localhostProfile, path.child('localhostProfile'), errors);
  } else if (profile.localhostProfile !== undefined) {
    errors.push(
      field.invalid(path.child('localhostProfile'), profile, 'can only be set when seccomp type is Localhost'),
    );
  }
  if (!profile.type) errors.push(field.required(path.child('type'), 'type is required when seccompProfile is set'));
  else optionalEnum(profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined'], path.child('type'), errors);
}

function validateAppArmor(profile: V1AppArmorProfile | undefined, path: FieldPath, errors: Errors): void {
  if (!profile) return;
  const p = path.child('localhostProfile');
  if (profile.type === 'Localhost') {
    if (!profile.localhostProfile?.trim()) {
      errors.push(field.required(p, 'must be set when AppArmor type is Localhost'));
    }
  } else if (profile.localhostProfile !== undefined) {
    errors.push(field.invalid(p, profile.localhostProfile, 'can only be set when AppArmor type is Localhost'));
  }
  if (!profile.type) errors.push(field.required(path.child('type'), 'type is required when appArmorProfile is set'));
  else optionalEnum(profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined'], path.child('type'), errors);
}

/** Checks the security context of a container. */
export function validateSecurityContext(
  sc: V1SecurityContext | undefined,
  spec: V1PodSpec,
  path: FieldPath,
  errors: Errors,
): void {
  if (!sc) return;
  validateId(sc.runAsUser, path.child('runAsUser'), errors);
  validateId(sc.runAsGroup, path.child('runAsGroup'), errors);
  if (sc.procMount !== undefined) {
    optionalEnum(sc.procMount, ['Default', 'Unmasked'], path.child('procMount'), errors);
    if (sc.procMount === 'Unmasked' && spec.hostUsers !== false) {
      errors.push(field.invalid(path.child('procMount'), sc.procMount, '`hostUsers` must be false to use `Unmasked`'));
    }
  }
  validateSeccomp(sc.seccompProfile, path.child('seccompProfile'), errors);
  validateAppArmor(sc.appArmorProfile, path.child('appArmorProfile'), errors);
  if (sc.allowPrivilegeEscalation === false) {
    if (sc.privileged) {
      errors.push(field.invalid(path, sc, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    }
    if (list(sc.capabilities?.add).some((c) => c === 'CAP_SYS_ADMIN')) {
      errors.push(
        field.invalid(path, sc, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'),
      );
    }
  }
}

const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;

/** Checks the security context of a pod and what hangs together with host namespaces. */
export function validatePodSecurityContext(
  sc: V1PodSecurityContext | undefined,
  spec: V1PodSpec,
  path: FieldPath,
  errors: Errors,
): void {
  if (!sc) return;
  validateId(sc.fsGroup, path.child('fsGroup'), errors);
  validateId(sc.runAsUser, path.child('runAsUser'), errors);
  validateId(sc.runAsGroup, path.child('runAsGroup'), errors);
  each(sc.supplementalGroups, (g, i) => validateId(g, path.child('supplementalGroups').index(i), errors));
  if (spec.shareProcessNamespace && spec.hostPID) {
    errors.push(
      field.invalid(
        path.child('shareProcessNamespace'),
        spec.shareProcessNamespace,
        'ShareProcessNamespace and HostPID cannot both be enabled',
      ),
    );
  }
  const seen = new Set<string>();
  each(sc.sysctls, (sysctl, i) => {
    const p = path.child('sysctls').index(i).child('name');
    if (!sysctl.name) errors.push(field.required(p, ''));
    else if (sysctl.name.length > 253 || !SYSCTL.test(sysctl.name)) {
      invalidAll(
        p,
        sysctl.name,
        [
          'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
        ],
        errors,
      );
    } else if (seen.has(sysctl.name)) errors.push(field.duplicate(p, sysctl.name));
    seen.add(sysctl.name);
  });
  optionalEnum(sc.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], path.child('fsGroupChangePolicy'), errors);
  optionalEnum(sc.supplementalGroupsPolicy, ['Merge', 'Strict'], path.child('supplementalGroupsPolicy'), errors);
  validateSeccomp(sc.seccompProfile, path.child('seccompProfile'), errors);
  validateAppArmor(sc.appArmorProfile, path.child('appArmorProfile'), errors);
}
