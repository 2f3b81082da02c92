import { type FieldPath, field, isDns1123Label, isValidPortName, isValidPortNum } from '@kubelab/apimachinery';
import type {
  V1Container,
  V1ContainerPort,
  V1EphemeralContainer,
  V1PodSpec,
  V1Volume,
  V1VolumeDevice,
  V1VolumeMount,
} from '../../generated/types.js';
import { type Errors, each, invalidAll, list, requiredEnum } from '../common.js';
import { validateEnv, validateEnvFrom } from './env.js';
import { validateDescendingPath } from './paths.js';
import { validateLifecycle, validateProbe } from './probes.js';
import { validateResourceRequirements } from './resources.js';
import { validateSecurityContext } from './security.js';

/** What the checks of containers need to know about their pod. */
export interface PodScope {
  spec: V1PodSpec;
  volumes: Map<string, V1Volume>;
  claimNames: Set<string>;
}

function validatePorts(ports: V1ContainerPort[] | undefined, path: FieldPath, errors: Errors): void {
  const names = new Set<string>();
  each(ports, (port, i) => {
    const p = path.index(i);
    if (port.name) {
      const messages = isValidPortName(port.name);
      if (messages.length > 0) invalidAll(p.child('name'), port.name, messages, errors);
      else if (names.has(port.name)) errors.push(field.duplicate(p.child('name'), port.name));
      else names.add(port.name);
    }
    if (!port.containerPort) errors.push(field.required(p.child('containerPort'), ''));
    else invalidAll(p.child('containerPort'), port.containerPort, isValidPortNum(port.containerPort), errors);
    if (port.hostPort) invalidAll(p.child('hostPort'), port.hostPort, isValidPortNum(port.hostPort), errors);
    requiredEnum(port.protocol, ['SCTP', 'TCP', 'UDP'], p.child('protocol'), errors);
  });
}

function validateMounts(
  mounts: V1VolumeMount[] | undefined,
  devices: V1VolumeDevice[] | undefined,
  container: V1Container,
  scope: PodScope,
  path: FieldPath,
  errors: Errors,
): void {
  const mountPaths = new Set<string>();
  const devicePaths = new Set(list(devices).map((d) => d.devicePath));
  each(mounts, (m, i) => {
    const p = path.index(i);
    if (!m.name) errors.push(field.required(p.child('name'), ''));
    if (!m.mountPath) errors.push(field.required(p.child('mountPath'), ''));
    if (m.name && !scope.volumes.has(m.name)) errors.push(field.notFound(p.child('name'), m.name));
    if (mountPaths.has(m.mountPath)) errors.push(field.invalid(p.child('mountPath'), m.mountPath, 'must be unique'));
    mountPaths.add(m.mountPath);
    if (devicePaths.has(m.mountPath)) {
      errors.push(
        field.invalid(p.child('mountPath'), m.mountPath, 'must not already exist as a path in volumeDevices'),
      );
    }
    if (m.subPath) validateDescendingPath(m.subPath, p.child('subPath'), errors);
    if (m.subPathExpr) {
      if (m.subPath)
        errors.push(
          field.invalid(p.child('subPathExpr'), m.subPathExpr, 'subPathExpr and subPath are mutually exclusive'),
        );
      validateDescendingPath(m.subPathExpr, p.child('subPathExpr'), errors);
    }
    if (m.mountPropagation !== undefined) {
      requiredEnum(
        m.mountPropagation,
        ['Bidirectional', 'HostToContainer', 'None'],
        p.child('mountPropagation'),
        errors,
      );
      if (m.mountPropagation === 'Bidirectional' && !container.securityContext?.privileged) {
        errors.push(
          field.forbidden(
            p.child('mountPropagation'),
            'Bidirectional mount propagation is available only to privileged containers',
          ),
        );
      }
    }
    if (m.recursiveReadOnly !== undefined && m.recursiveReadOnly !== 'Disabled' && !m.readOnly) {
      errors.push(field.forbidden(p.child('recursiveReadOnly'), 'may only be specified when readOnly is true'));
    }
  });
}

function validateDevices(
  devices: V1VolumeDevice[] | undefined,
  scope: PodScope,
  path: FieldPath,
  errors: Errors,
): void {
  const paths = new Set<string>();
  const names = new Set<string>();
  each(devices, (d, i) => {
    const p = path.index(i);
    if (!d.name) errors.push(field.required(p.child('name'), ''));
    if (!d.devicePath) errors.push(field.required(p.child('devicePath'), ''));
    if (paths.has(d.devicePath)) errors.push(field.invalid(p.child('devicePath'), d.devicePath, 'must be unique'));
    if (names.has(d.name)) errors.push(field.invalid(p.child('name'), d.name, 'must be unique'));
    const volume = scope.volumes.get(d.name);
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
      errors.push(
        field.invalid(
          p.child('name'),
          d.name,
          'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
        ),
      );
    }
    if (d.name && !volume) errors.push(field.notFound(p.child('name'), d.name));
    if (d.devicePath?.split('/').includes('..')) {
      errors.push(field.invalid(p.child('devicePath'), d.devicePath, "can not contain backsteps ('..')"));
    }
    paths.add(d.devicePath);
    names.add(d.name);
  });
}

function validateCommon(c: V1Container, scope: PodScope, path: FieldPath, errors: Errors): void {
  const namePath = path.child('name');
  if (!c.name) errors.push(field.required(namePath, ''));
  else invalidAll(namePath, c.name, isDns1123Label(c.name), errors);
  if (c.image && c.image !== c.image.trim()) {
    errors.push(field.invalid(path.child('image'), c.image, 'must not have leading or trailing whitespace'));
  }
  requiredEnum(
    c.terminationMessagePolicy,
    ['File', 'FallbackToLogsOnError'],
    path.child('terminationMessagePolicy'),
    errors,
  );
  validatePorts(c.ports, path.child('ports'), errors);
  validateEnv(c.env, path.child('env'), errors);
  validateEnvFrom(c.envFrom, path.child('envFrom'), errors);
  validateMounts(c.volumeMounts, c.volumeDevices, c, scope, path.child('volumeMounts'), errors);
  validateDevices(c.volumeDevices, scope, path.child('volumeDevices'), errors);
  requiredEnum(c.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'], path.child('imagePullPolicy'), errors);
  validateResourceRequirements(c.resources, scope.claimNames, path.child('resources'), errors);
  each(c.resizePolicy, (policy, i) => {
    const p = path.child('resizePolicy').index(i);
    requiredEnum(policy.resourceName, ['cpu', 'memory'], p.child('resourceName'), errors);
    requiredEnum(policy.restartPolicy, ['NotRequired', 'RestartContainer'], p.child('restartPolicy'), errors);
  });
  validateSecurityContext(c.securityContext, scope.spec, path.child('securityContext'), errors);
}

/** Checks the containers of a pod. @returns their names */
export function validateContainers(
  containers: V1Container[] | undefined,
  scope: PodScope,
  path: FieldPath,
  errors: Errors,
): Set<string> {
  const names = new Set<string>();
  if (list(containers).length === 0) {
    errors.push(field.required(path, ''));
    return names;
  }
  const grace = scope.spec.terminationGracePeriodSeconds;
  each(containers, (c, i) => {
    const p = path.index(i);
    validateCommon(c, scope, p, errors);
    if (!c.image) errors.push(field.required(p.child('image'), ''));
    if (c.name && names.has(c.name)) errors.push(field.duplicate(p.child('name'), c.name));
    names.add(c.name);
    validateLifecycle(c.lifecycle, grace, p.child('lifecycle'), errors);
    validateProbe(c.livenessProbe, 'liveness', p.child('livenessProbe'), errors);
    validateProbe(c.readinessProbe, 'readiness', p.child('readinessProbe'), errors);
    validateProbe(c.startupProbe, 'startup', p.child('startupProbe'), errors);
    if (c.restartPolicy !== undefined) {
      errors.push(field.forbidden(p.child('restartPolicy'), 'may not be set for non-init containers'));
    }
  });
  hostPortConflicts(list(containers), path, errors);
  return names;
}

/** Checks the init containers of a pod, sidecars (restartPolicy Always) among them. */
export function validateInitContainers(
  containers: V1Container[] | undefined,
  names: Set<string>,
  scope: PodScope,
  path: FieldPath,
  errors: Errors,
): void {
  const seen = new Set(names);
  const grace = scope.spec.terminationGracePeriodSeconds;
  each(containers, (c, i) => {
    const p = path.index(i);
    validateCommon(c, scope, p, errors);
    if (!c.image) errors.push(field.required(p.child('image'), ''));
    if (c.name && seen.has(c.name)) errors.push(field.duplicate(p.child('name'), c.name));
    seen.add(c.name);
    const sidecar = c.restartPolicy === 'Always';
    if (c.restartPolicy !== undefined && !sidecar) {
      errors.push(field.notSupported(p.child('restartPolicy'), c.restartPolicy, ['Always']));
    }
    if (sidecar) {
      validateLifecycle(c.lifecycle, grace, p.child('lifecycle'), errors);
      validateProbe(c.livenessProbe, 'liveness', p.child('livenessProbe'), errors);
      validateProbe(c.readinessProbe, 'readiness', p.child('readinessProbe'), errors);
      validateProbe(c.startupProbe, 'startup', p.child('startupProbe'), errors);
    } else {
      for (const name of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
        if (c[name]) {
          errors.push(
            field.forbidden(p.child(name), 'may not be set for init containers without restartPolicy=Always'),
          );
        }
      }
    }
    for (const name of seen) if (name) names.add(name);
  });
  hostPortConflicts(list(containers), path, errors);
}

/** Checks ephemeral containers; their names differ from all others. */
export function validateEphemeralContainers(
  containers: V1EphemeralContainer[] | undefined,
  names: Set<string>,
  scope: PodScope,
  path: FieldPath,
  errors: Errors,
): void {
  const forbidden = ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'resizePolicy'] as const;
  each(containers, (c, i) => {
    const p = path.index(i);
    validateCommon(c as V1Container, scope, p, errors);
    if (!c.image) errors.push(field.required(p.child('image'), ''));
    if (c.name && names.has(c.name)) errors.push(field.duplicate(p.child('name'), c.name));
    names.add(c.name);
    if (c.targetContainerName) {
      const known = [...list(scope.spec.containers), ...list(scope.spec.initContainers)].some(
        (x) => x.name === c.targetContainerName,
      );
      if (!known) errors.push(field.notFound(p.child('targetContainerName'), c.targetContainerName));
    }
    for (const name of forbidden) {
      const value = c[name];
      if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
      errors.push(field.forbidden(p.child(name), 'cannot be set for an Ephemeral Container'));
    }
    if (c.resources && (c.resources.limits || c.resources.requests)) {
      errors.push(field.forbidden(p.child('resources'), 'cannot be set for an Ephemeral Container'));
    }
    each(c.volumeMounts, (m, j) => {
      const mp = p.child('volumeMounts').index(j);
      if (m.subPath) errors.push(field.forbidden(mp.child('subPath'), 'cannot be set for an Ephemeral Container'));
      if (m.subPathExpr) {
        errors.push(field.forbidden(mp.child('subPathExpr'), 'cannot be set for an Ephemeral Container'));
      }
    });
  });
}

function hostPortConflicts(containers: V1Container[], path: FieldPath, errors: Errors): void {
  const seen = new Set<string>();
  containers.forEach((c, i) => {
    each(c.ports, (port, j) => {
      if (!port.hostPort) return;
      const id = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (seen.has(id)) {
        errors.push(field.duplicate(path.index(i).child('ports').index(j).child('hostPort'), id));
      }
      seen.add(id);
    });
  });
}
