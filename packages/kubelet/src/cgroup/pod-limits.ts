import { Quantity } from '@kubelab/apimachinery';
import { qosClass } from '../pod/qos.js';
import { allLimited, milliCpuToQuota, milliCpuToShares, podResources, quotaPeriodUs } from '../pod/resources.js';
import type { Pod } from '../pod/types.js';
import type { CgroupLimits } from './hierarchy.js';

/** CPU shares of BestEffort pods, each and together: the least there is. */
export const bestEffortShares = 2;

/** Limits of a pod's cgroup from its requests and limits. */
export function podLimits(pod: Pod): CgroupLimits {
  const requests = podResources(pod, 'requests');
  const limits = podResources(pod, 'limits');
  const milli = Number(requests.get('cpu')?.milliValue() ?? 0n);
  const cpu = allLimited(pod, 'cpu') ? Number(limits.get('cpu')?.milliValue() ?? 0n) : 0;
  const memory = allLimited(pod, 'memory') ? Number(limits.get('memory')?.value() ?? 0n) : 0;
  return {
    cpuShares: qosClass(pod) === 'BestEffort' ? bestEffortShares : milliCpuToShares(milli),
    cpuQuotaUs: milliCpuToQuota(cpu),
    cpuPeriodUs: quotaPeriodUs,
    memoryBytes: memory,
  };
}

/** Limits of all pods of a node together, from amounts of cpu, memory and pid. CPU is shared, never capped. */
export function nodeLimits(amounts: Record<string, string>): CgroupLimits {
  return {
    cpuShares: milliCpuToShares(Number(Quantity.parseOrZero(amounts.cpu).milliValue())),
    memoryBytes: Number(Quantity.parseOrZero(amounts.memory).value()),
    pids: Number(Quantity.parseOrZero(amounts.pid).value()),
  };
}
