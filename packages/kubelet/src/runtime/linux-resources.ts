import type { Quantity } from '@kubelab/apimachinery';
import type { LinuxContainerResources } from '@kubelab/cri';
import { milliCpuToQuota, milliCpuToShares, quotaPeriodUs } from '../pod/resources.js';

export interface ResourceAmounts {
  cpuRequest?: Quantity;
  cpuLimit?: Quantity;
  memoryLimit?: Quantity;
  oomScoreAdj?: number;
}

/** cgroup settings of requests and limits. A CPU limit without a request is its request too. */
export function linuxResources(amounts: ResourceAmounts): LinuxContainerResources {
  const limit = Number(amounts.cpuLimit?.milliValue() ?? 0n);
  const request = amounts.cpuRequest ? Number(amounts.cpuRequest.milliValue()) : limit;
  return {
    cpu_shares: milliCpuToShares(request),
    cpu_period: quotaPeriodUs,
    cpu_quota: milliCpuToQuota(limit),
    memory_limit_in_bytes: Number(amounts.memoryLimit?.value() ?? 0n),
    oom_score_adj: amounts.oomScoreAdj ?? 0,
  };
}
