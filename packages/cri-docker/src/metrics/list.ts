import type { ListPodSandboxMetricsResponse, Metric, PodSandboxMetrics } from '@kubelab/cri';
import { allContainers, type ListedContainer } from '../container/list.js';
import type { RuntimeContext } from '../context.js';
import { isMissing } from '../docker/errors.js';
import { allSandboxes, type ListedSandbox } from '../sandbox/list.js';
import { diskUsage } from '../stats/writable-layer.js';
import { nowNanos, toNanos } from '../time.js';
import { definitions } from './descriptors.js';
import { containerSamples, networkSamples, type Sample } from './read.js';

/** The metrics of all pods that run. */
export async function listPodSandboxMetrics(context: RuntimeContext): Promise<ListPodSandboxMetricsResponse> {
  const [sandboxes, containers] = await Promise.all([allSandboxes(context), allContainers(context)]);
  const pods = sandboxes
    .filter(({ running }) => running)
    .map((sandbox) =>
      podMetrics(
        context,
        sandbox,
        containers.filter(({ sandboxId, state }) => sandboxId === sandbox.id && state === 'CONTAINER_RUNNING'),
      ),
    );
  return { pod_metrics: await Promise.all(pods) };
}

async function podMetrics(
  context: RuntimeContext,
  sandbox: ListedSandbox,
  containers: ListedContainer[],
): Promise<PodSandboxMetrics> {
  const { name, namespace } = sandbox.record.metadata;
  const info = await inspect(context, sandbox.id);
  const labels = [sandbox.id, name, '', '', name, namespace];
  return {
    pod_sandbox_id: sandbox.id,
    metrics: info ? toMetrics(await networkSamples(info.State.Pid), labels) : [],
    container_metrics: await Promise.all(
      containers.map(async (container) => ({
        container_id: container.id,
        metrics: toMetrics(await samplesOf(context, container.id), [
          container.id,
          container.record.metadata.name,
          container.record.userSpecifiedImage || container.record.image,
          container.record.metadata.name,
          name,
          namespace,
        ]),
      })),
    ),
  };
}

async function samplesOf(context: RuntimeContext, id: string): Promise<Sample[]> {
  const info = await inspect(context, id);
  if (!info?.State.Running) return [];
  const upperDir = (info.GraphDriver?.Data as { UpperDir?: string } | null)?.UpperDir ?? '';
  const { HostConfig: limits } = info;
  return [
    ...(await containerSamples({
      pid: info.State.Pid,
      cgroupV2: context.host.cgroupV2,
      upperDir,
      layerBytes: upperDir === '' ? 0 : (await diskUsage(upperDir)).bytes,
    })),
    { name: 'container_last_seen', value: Math.floor(Date.now() / 1000) },
    { name: 'container_start_time_seconds', value: Number(BigInt(toNanos(info.State.StartedAt)) / 1_000_000_000n) },
    { name: 'container_spec_cpu_period', value: limits.CpuPeriod ?? 0 },
    { name: 'container_spec_cpu_quota', value: Math.max(0, limits.CpuQuota ?? 0) },
    { name: 'container_spec_cpu_shares', value: limits.CpuShares ?? 0 },
    { name: 'container_spec_memory_limit_bytes', value: limits.Memory ?? 0 },
    { name: 'container_spec_memory_swap_limit_bytes', value: Math.max(0, limits.MemorySwap ?? 0) },
  ];
}

function toMetrics(samples: Sample[], labels: string[]): Metric[] {
  const timestamp = nowNanos();
  return samples.map((sample) => ({
    name: sample.name,
    timestamp,
    metric_type: definitions[sample.name].type,
    label_values: [...labels, ...(sample.labels ?? [])],
    value: { value: sample.value },
  }));
}

async function inspect(context: RuntimeContext, id: string) {
  try {
    return await context.docker.quick.getContainer(id).inspect();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
