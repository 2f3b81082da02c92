import { existsSync, readFileSync } from 'node:fs';

/** What this machine can do, found once at the start. */
export interface HostFacts {
  /** Whether a process may be given a lower oom_score_adj than ours (CAP_SYS_RESOURCE). */
  canLowerOomScore: boolean;
  /** Capabilities a process here may get, without CAP_; undefined when that is all the kernel has. */
  limitedCapabilities?: string[];
  /** Our own oom_score_adj, -1000 to 1000. */
  oomScoreAdj: number;
  /** Whether all of cgroup is v2. */
  cgroupV2: boolean;
  appArmor: boolean;
  seLinux: boolean;
}

/** By their number in the kernel, as far as every supported Docker knows them: it refuses names it does not. */
const capabilityNames = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ'
).split(' ');

const capSysResource = 24n;

export function readHostFacts(): HostFacts {
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return {
    canLowerOomScore: ((BigInt(`0x${capabilities}`) >> capSysResource) & 1n) === 1n,
    ...limitedCapabilities(),
    oomScoreAdj: Number(readFileSync('/proc/self/oom_score_adj', 'utf8').trim()),
    cgroupV2: existsSync('/sys/fs/cgroup/cgroup.controllers'),
    appArmor: readFlag('/sys/module/apparmor/parameters/enabled'),
    seLinux: existsSync('/sys/fs/selinux/enforce'),
  };
}

/** runc fails a container whose score is lower than it may set; such a wish is cut to what is permitted. */
export function permittedOomScore(wanted: number, host: HostFacts): number {
  return host.canLowerOomScore ? wanted : Math.max(wanted, host.oomScoreAdj);
}

function limitedCapabilities(): Pick<HostFacts, 'limitedCapabilities'> {
  const bounding = BigInt(
    `0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`,
  );
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  if (bounding === (1n << BigInt(last + 1)) - 1n) return {};
  return { limitedCapabilities: capabilityNames.filter((_, bit) => ((bounding >> BigInt(bit)) & 1n) === 1n) };
}

function readFlag(file: string): boolean {
  return existsSync(file) && readFileSync(file, 'utf8').startsWith('Y');
}
