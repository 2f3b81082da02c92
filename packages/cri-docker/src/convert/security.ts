import { readFileSync } from 'node:fs';
import { CriError, type SELinuxOptionOutput, type SecurityProfileOutput } from '@kubelab/cri';
import type { HostFacts } from '../host.js';

/** The parts of sandbox and container security contexts that become Docker's SecurityOpt. */
export interface SecurityWish {
  privileged: boolean;
  no_new_privs?: boolean;
  seccomp: SecurityProfileOutput | null;
  seccomp_profile_path: string;
  apparmor: SecurityProfileOutput | null;
  apparmor_profile?: string;
  selinux_options: SELinuxOptionOutput | null;
}

/** Docker's --security-opt values. Throws when a profile does not exist or the kernel can't enforce it. */
export function securityOptions(wish: SecurityWish, host: HostFacts): string[] {
  const options = [...seccompOption(wish), ...appArmorOption(wish, host)];
  if (wish.no_new_privs) options.push('no-new-privileges');
  const { selinux_options: label } = wish;
  if (wish.privileged && host.seLinux) options.push('label=disable');
  else if (label) {
    for (const key of ['user', 'role', 'type', 'level'] as const) {
      if (label[key]) options.push(`label=${key}:${label[key]}`);
    }
  }
  return options;
}

/** Without a profile CRI means unconfined, Docker its default: the choice is always spelled out. */
function seccompOption(wish: SecurityWish): string[] {
  const { type, ref } = profileOf(wish.seccomp, wish.seccomp_profile_path, 'Unconfined');
  if (wish.privileged || type === 'Unconfined') return ['seccomp=unconfined'];
  if (type === 'RuntimeDefault') return [];
  try {
    // The daemon may see other files than we do, so the profile itself is handed over.
    return [`seccomp=${JSON.stringify(JSON.parse(readFileSync(ref, 'utf8')))}`];
  } catch (error) {
    throw new CriError('INVALID_ARGUMENT', `seccomp profile ${ref}: ${(error as Error).message}`);
  }
}

function appArmorOption(wish: SecurityWish, host: HostFacts): string[] {
  const { type, ref } = profileOf(wish.apparmor, wish.apparmor_profile ?? '', 'RuntimeDefault');
  if (!host.appArmor) {
    if (type !== 'Localhost') return [];
    throw new CriError('INVALID_ARGUMENT', `AppArmor is not enabled on this machine, profile ${ref} can't be applied`);
  }
  if (wish.privileged || type === 'Unconfined') return ['apparmor=unconfined'];
  return type === 'Localhost' ? [`apparmor=${ref}`] : [];
}

type ProfileType = 'RuntimeDefault' | 'Unconfined' | 'Localhost';

/** A profile from its message, or else from the deprecated string (`runtime/default`, `localhost/NAME`, ...). */
function profileOf(
  profile: SecurityProfileOutput | null,
  deprecated: string,
  fallback: ProfileType,
): { type: ProfileType; ref: string } {
  if (profile) return { type: profile.profile_type, ref: profile.localhost_ref.replace(/^localhost\//, '') };
  if (deprecated === 'runtime/default' || deprecated === 'docker/default') return { type: 'RuntimeDefault', ref: '' };
  if (deprecated.startsWith('localhost/')) return { type: 'Localhost', ref: deprecated.slice('localhost/'.length) };
  if (deprecated === 'unconfined') return { type: 'Unconfined', ref: '' };
  if (deprecated !== '') throw new CriError('INVALID_ARGUMENT', `unknown security profile "${deprecated}"`);
  return { type: fallback, ref: '' };
}
