import type { LinuxContainerResourcesOutput } from '@kubelab/cri';
import type { HostConfig } from 'dockerode';
import { type HostFacts, permittedOomScore } from '../host.js';

/** The cgroup limits Docker knows, from CRI's. 0 and '' mean not set in both. */
export function dockerResources(
  resources: LinuxContainerResourcesOutput | null | undefined,
  host: HostFacts,
): Partial<HostConfig> {
  if (!resources) return {};
  const memory = resources.memory_limit_in_bytes;
  return {
    CpuPeriod: resources.cpu_period,
    CpuQuota: resources.cpu_quota,
    CpuShares: resources.cpu_shares,
    Memory: memory,
    // Docker's own default would be twice the memory; CRI's is no swap beyond it.
    MemorySwap: memory > 0 ? resources.memory_swap_limit_in_bytes || memory : 0,
    CpusetCpus: resources.cpuset_cpus,
    CpusetMems: resources.cpuset_mems,
    OomScoreAdj: permittedOomScore(resources.oom_score_adj, host),
  };
}

/** CRI's view of the limits a container runs with. */
export function criResources(host: HostConfig, unified: Record<string, string> = {}): LinuxContainerResourcesOutput {
  return {
    cpu_period: host.CpuPeriod ?? 0,
    cpu_quota: host.CpuQuota ?? 0,
    cpu_shares: host.CpuShares ?? 0,
    memory_limit_in_bytes: host.Memory ?? 0,
    memory_swap_limit_in_bytes: Math.max(0, host.MemorySwap ?? 0),
    oom_score_adj: host.OomScoreAdj ?? 0,
    cpuset_cpus: host.CpusetCpus ?? '',
    cpuset_mems: host.CpusetMems ?? '',
    hugepage_limits: [],
    unified,
  };
}
