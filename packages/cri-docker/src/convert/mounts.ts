import type { MountOutput } from '@kubelab/cri';
import { CriError } from '@kubelab/cri';
import type { MountPropagation, MountSettings } from 'dockerode';

/** Docker 25's fields of a read-only bind mount, which the typings lack. */
interface BindOptions {
  Propagation?: MountPropagation;
  ReadOnlyNonRecursive?: boolean;
  ReadOnlyForceRecursive?: boolean;
}

const propagation: Record<MountOutput['propagation'], MountPropagation> = {
  PROPAGATION_PRIVATE: 'rprivate',
  PROPAGATION_HOST_TO_CONTAINER: 'rslave',
  PROPAGATION_BIDIRECTIONAL: 'rshared',
};

export interface MountAbilities {
  /**
   * Docker's API has recursive read-only mounts (1.44) and the kernel too (5.12). Where not, the source of one is a
   * stage whose mounts are read-only themselves (`ReadOnlyStages`).
   */
  recursiveReadOnly: boolean;
  seLinux: boolean;
}

/**
 * Docker's mounts for CRI's bind mounts. Those to relabel for SELinux are in `binds`: only the older way has a flag
 * for it. `hostPath` gives the real path of each.
 */
export function dockerMounts(
  mounts: MountOutput[],
  abilities: MountAbilities,
): { mounts: MountSettings[]; binds: string[] } {
  const result: { mounts: MountSettings[]; binds: string[] } = { mounts: [], binds: [] };
  for (const mount of mounts) {
    checkReadOnly(mount, abilities);
    if (mount.uidMappings.length > 0 || mount.gidMappings.length > 0) {
      throw new CriError('INVALID_ARGUMENT', `mount ${mount.container_path}: Docker has no id-mapped mounts`);
    }
    const mode = propagation[mount.propagation];
    if (mount.selinux_relabel && abilities.seLinux) {
      const flags = [mount.readonly ? 'ro' : 'rw', mode, 'Z'].join(',');
      result.binds.push(`${mount.host_path}:${mount.container_path}:${flags}`);
      continue;
    }
    // Private is Docker's default. Left out, Docker itself takes rslave for a source its own folder is below, as for
    // `/`, where it refuses private mounts.
    const options: BindOptions = mode === 'rprivate' ? {} : { Propagation: mode };
    if (mount.readonly && abilities.recursiveReadOnly) {
      if (mount.recursive_read_only) options.ReadOnlyForceRecursive = true;
      else options.ReadOnlyNonRecursive = true;
    }
    result.mounts.push({
      Type: 'bind',
      Source: mount.host_path,
      Target: mount.container_path,
      ReadOnly: mount.readonly,
      // The typings want a propagation, Docker does not.
      BindOptions: options as MountSettings['BindOptions'],
    });
  }
  return result;
}

function checkReadOnly(mount: MountOutput, abilities: MountAbilities): void {
  if (!mount.recursive_read_only) return;
  const fail = (why: string) => {
    throw new CriError('INVALID_ARGUMENT', `recursive read-only mount ${mount.container_path}: ${why}`);
  };
  if (!mount.readonly) fail('it must be read-only');
  if (mount.propagation !== 'PROPAGATION_PRIVATE') fail('its propagation must be private');
  if (mount.selinux_relabel && abilities.seLinux && !abilities.recursiveReadOnly) {
    fail('this Docker cannot relabel it for SELinux');
  }
}
