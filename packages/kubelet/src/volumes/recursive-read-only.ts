import type { V1Container, V1VolumeMount, V1VolumeMountStatus } from '@kubelab/api';

/**
 * Whether a volume mount is made read-only with all mounts below it (KEP-3857), on a runtime that can do that or not.
 * Throws when it must be and cannot.
 */
export function recursiveReadOnly(mount: V1VolumeMount, supported: boolean): boolean {
  const { name, recursiveReadOnly: wanted = 'Disabled', mountPropagation = 'None' } = mount;
  if (wanted === 'Disabled') return false;
  const refuse = (why: string) => new Error(`volume "${name}" requested recursive read-only mode, but it is ${why}`);
  if (!mount.readOnly) throw refuse('not read-only');
  if (mountPropagation !== 'None') throw refuse(`not compatible with propagation "${mountPropagation}"`);
  if (wanted === 'IfPossible') return supported;
  if (!supported) throw refuse('not supported by the runtime');
  return true;
}

/** Whether any volume of a container is to be mounted so, if that is possible. */
export function wantsRecursive(container: V1Container): boolean {
  return (container.volumeMounts ?? []).some(({ recursiveReadOnly = 'Disabled' }) => recursiveReadOnly !== 'Disabled');
}

/** How a container's volumes are mounted, as its status tells: `IfPossible` has become what it came to. */
export function volumeMountStatus(container: V1Container, supported: boolean): V1VolumeMountStatus[] {
  return (container.volumeMounts ?? []).map((mount) => {
    const status: V1VolumeMountStatus = { name: mount.name, mountPath: mount.mountPath };
    if (!mount.readOnly) return status;
    return { ...status, readOnly: true, recursiveReadOnly: isRecursive(mount, supported) ? 'Enabled' : 'Disabled' };
  });
}

/** One that was refused has no container; what it would be is of no use to anybody. */
function isRecursive(mount: V1VolumeMount, supported: boolean): boolean {
  const { recursiveReadOnly: wanted = 'Disabled', mountPropagation = 'None' } = mount;
  return wanted !== 'Disabled' && mountPropagation === 'None' && supported;
}
