import { existsSync, readFileSync } from 'node:fs';

/** What this machine can do, found once at the start. */
export interface HostFacts {
  /** Whether a process may be given a lower oom_score_adj than ours (CAP_SYS_RESOURCE). */
  canLowerOomScore: boolean;
  /** Our own oom_score_adj, -1000 to 1000. */
  oomScoreAdj: number;
  /** Whether all of cgroup is v2. */
  cgroupV2: boolean;
  appArmor: boolean;
  seLinux: boolean;
}

const capSysResource = 24n;

export function readHostFacts(): HostFacts {
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return {
    canLowerOomScore: ((BigInt(`0x${capabilities}`) >> capSysResource) & 1n) === 1n,
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

function readFlag(file: string): boolean {
  return existsSync(file) && readFileSync(file, 'utf8').startsWith('Y');
}
