import type { V1Container, V1SeccompProfile } from '@kubelab/api';
import type {
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
  NamespaceOption,
  SecurityProfile,
} from '@kubelab/cri';
import { allContainers, formatPod, type Pod } from '../pod/types.js';

const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** Folder of local seccomp profiles, below --root-dir. */
export interface SecuritySettings {
  seccompProfileRoot: string;
}

/** The image's user: a number, a name, or neither (root). */
export interface ImageUser {
  uid: number | undefined;
  name: string;
}

export function namespaceOptions(pod: Pod, targetContainerId?: string): NamespaceOption {
  const pid = pod.spec.hostPID ? 'NODE' : pod.spec.shareProcessNamespace ? 'POD' : 'CONTAINER';
  return {
    network: pod.spec.hostNetwork ? 'NODE' : 'POD',
    ipc: pod.spec.hostIPC ? 'NODE' : 'POD',
    ...(targetContainerId ? { pid: 'TARGET', target_id: targetContainerId } : { pid }),
  };
}

function seccomp(profile: V1SeccompProfile | undefined, settings: SecuritySettings): SecurityProfile {
  if (profile?.type === 'RuntimeDefault') return { profile_type: 'RuntimeDefault' };
  if (profile?.type === 'Localhost' && profile.localhostProfile) {
    return { profile_type: 'Localhost', localhost_ref: `${settings.seccompProfileRoot}/${profile.localhostProfile}` };
  }
  return { profile_type: 'Unconfined' };
}

function appArmor(pod: Pod, container: V1Container): SecurityProfile | undefined {
  const profile = container.securityContext?.appArmorProfile ?? pod.spec.securityContext?.appArmorProfile;
  if (!profile) return undefined;
  if (profile.type === 'Localhost') return { profile_type: 'Localhost', localhost_ref: profile.localhostProfile ?? '' };
  return { profile_type: profile.type === 'Unconfined' ? 'Unconfined' : 'RuntimeDefault' };
}

const int64 = (value: number | undefined) => (value === undefined ? null : { value });

function supplementalGroups(pod: Pod): number[] {
  const { fsGroup, supplementalGroups: groups = [] } = pod.spec.securityContext ?? {};
  return fsGroup === undefined ? [...groups] : [fsGroup, ...groups];
}

function seLinux(options: { user?: string; role?: string; type?: string; level?: string } | undefined) {
  return options
    ? { user: options.user ?? '', role: options.role ?? '', type: options.type ?? '', level: options.level ?? '' }
    : null;
}

const groupsPolicy = (pod: Pod) =>
  pod.spec.securityContext?.supplementalGroupsPolicy === 'Strict' ? 'Strict' : 'Merge';

export function sandboxSecurity(pod: Pod): LinuxSandboxSecurityContext {
  const context = pod.spec.securityContext;
  let privileged = false;
  for (const { container } of allContainers(pod)) privileged ||= container.securityContext?.privileged === true;
  return {
    namespace_options: namespaceOptions(pod),
    privileged,
    run_as_user: int64(context?.runAsUser),
    run_as_group: int64(context?.runAsUser === undefined ? undefined : context.runAsGroup),
    supplemental_groups: supplementalGroups(pod),
    supplemental_groups_policy: groupsPolicy(pod),
    selinux_options: seLinux(context?.seLinuxOptions),
    // The pause process needs no more than the default profile allows.
    seccomp: { profile_type: 'RuntimeDefault' },
  };
}

export function containerSecurity(
  pod: Pod,
  container: V1Container,
  image: ImageUser,
  settings: SecuritySettings,
  targetContainerId?: string,
): LinuxContainerSecurityContext {
  const own = container.securityContext;
  const shared = pod.spec.securityContext;
  const runAsUser = own?.runAsUser ?? shared?.runAsUser;
  const privileged = own?.privileged === true;
  const unmasked = privileged || own?.procMount === 'Unmasked';
  const user =
    runAsUser !== undefined
      ? { run_as_user: int64(runAsUser) }
      : image.uid !== undefined
        ? { run_as_user: int64(image.uid) }
        : { run_as_username: image.name };
  return {
    ...user,
    run_as_group: int64(own?.runAsGroup ?? shared?.runAsGroup),
    privileged,
    capabilities: {
      add_capabilities: own?.capabilities?.add ?? [],
      drop_capabilities: own?.capabilities?.drop ?? [],
    },
    namespace_options: namespaceOptions(pod, targetContainerId),
    selinux_options: seLinux(own?.seLinuxOptions ?? shared?.seLinuxOptions),
    readonly_rootfs: own?.readOnlyRootFilesystem === true,
    supplemental_groups: supplementalGroups(pod),
    supplemental_groups_policy: groupsPolicy(pod),
    no_new_privs: own?.allowPrivilegeEscalation === false,
    masked_paths: unmasked ? [] : maskedPaths,
    readonly_paths: unmasked ? [] : readonlyPaths,
    seccomp: seccomp(own?.seccompProfile ?? shared?.seccompProfile, settings),
    apparmor: appArmor(pod, container) ?? null,
  };
}

/** Throws when runAsNonRoot can't be kept with this image and user. */
export function verifyNonRoot(pod: Pod, container: V1Container, image: ImageUser): void {
  const nonRoot = container.securityContext?.runAsNonRoot ?? pod.spec.securityContext?.runAsNonRoot;
  if (!nonRoot) return;
  const runAsUser = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser;
  const where = `(pod: "${formatPod(pod)}", container: ${container.name})`;
  if (runAsUser !== undefined) {
    if (runAsUser === 0) throw new Error(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  if (image.uid === 0 || (image.uid === undefined && image.name === '')) {
    throw new Error(`container has runAsNonRoot and image will run as root ${where}`);
  }
  if (image.uid === undefined) {
    throw new Error(
      `container has runAsNonRoot and image has non-numeric user (${image.name}), cannot verify user is non-root ${where}`,
    );
  }
}
