import {
  type ContainerStats,
  type ContainerStatsRequestOutput,
  type ContainerStatsResponse,
  type CpuUsage,
  CriError,
  type ListContainerStatsRequestOutput,
  type ListContainerStatsResponse,
  type ListPodSandboxStatsRequestOutput,
  type ListPodSandboxStatsResponse,
  type MemoryUsage,
  type PodSandboxStats,
  type PodSandboxStatsRequestOutput,
  type PodSandboxStatsResponse,
} from '@kubelab/cri';
import { allContainers, type ListedContainer } from '../container/list.js';
import type { RuntimeContext } from '../context.js';
import { isMissing } from '../docker/errors.js';
import { matchesSelector } from '../labels.js';
import { allSandboxes, type ListedSandbox } from '../sandbox/list.js';
import { nowNanos } from '../time.js';
import { type CgroupUsage, cgroupsOf, cgroupUsage } from './cgroup.js';
import { networkUsage } from './network.js';
import { CpuRates } from './rates.js';
import { LayerSizes } from './writable-layer.js';

/** What of Docker's inspection the statistics need; it does not change while a container runs. */
interface Running {
  pid: number;
  upperDir: string;
  /** Undefined when the process has ended. */
  cgroups: Map<string, string> | undefined;
}

/** Statistics straight from the kernel's cgroup files: Docker's own take a second a container. */
export class StatsCollector {
  readonly #rates = new CpuRates();
  readonly #sizes = new LayerSizes();
  readonly #running = new Map<string, Running>();

  constructor(private readonly context: RuntimeContext) {
    context.events.subscribe(({ id, action }) => {
      if (action === 'destroy') this.#forget(id);
    });
    // What went away while Docker was not heard is not told about.
    context.events.onReconnect(() => {
      for (const id of [...this.#running.keys()]) this.#forget(id);
    });
  }

  async container(request: ContainerStatsRequestOutput): Promise<ContainerStatsResponse> {
    const all = await allContainers(this.context);
    const found = all.find(({ id }) => id === request.container_id || id.startsWith(request.container_id));
    if (!found || request.container_id === '') {
      throw new CriError('NOT_FOUND', `no container ${request.container_id}`);
    }
    return { stats: await this.#statsOf(found, await this.#usageOf(found.id)) };
  }

  async containers(request: ListContainerStatsRequestOutput): Promise<ListContainerStatsResponse> {
    const { filter } = request;
    const all = await allContainers(this.context);
    const wanted = all.filter(
      (container) =>
        container.state === 'CONTAINER_RUNNING' &&
        container.id.startsWith(filter?.id ?? '') &&
        container.sandboxId.startsWith(filter?.pod_sandbox_id ?? '') &&
        matchesSelector(container.record.labels, filter?.label_selector),
    );
    const usages = await Promise.all(wanted.map(({ id }) => this.#usageOf(id)));
    return { stats: await Promise.all(wanted.map((container, index) => this.#statsOf(container, usages[index]))) };
  }

  async sandbox(request: PodSandboxStatsRequestOutput): Promise<PodSandboxStatsResponse> {
    const all = await allSandboxes(this.context);
    const found = all.find(({ id }) => id.startsWith(request.pod_sandbox_id));
    if (!found || request.pod_sandbox_id === '') {
      throw new CriError('NOT_FOUND', `no sandbox ${request.pod_sandbox_id}`);
    }
    return { stats: await this.#podStats(found, await allContainers(this.context, found.id)) };
  }

  async sandboxes(request: ListPodSandboxStatsRequestOutput): Promise<ListPodSandboxStatsResponse> {
    const { filter } = request;
    const [sandboxes, containers] = await Promise.all([allSandboxes(this.context), allContainers(this.context)]);
    const wanted = sandboxes.filter(
      ({ id, record, running }) =>
        running && id.startsWith(filter?.id ?? '') && matchesSelector(record.labels, filter?.label_selector),
    );
    const stats = wanted.map((sandbox) =>
      this.#podStats(
        sandbox,
        containers.filter(({ sandboxId }) => sandboxId === sandbox.id),
      ),
    );
    return { stats: await Promise.all(stats) };
  }

  async #podStats(sandbox: ListedSandbox, containers: ListedContainer[]): Promise<PodSandboxStats> {
    const running = containers.filter(({ state }) => state === 'CONTAINER_RUNNING');
    const process = sandbox.running ? await this.#inspect(sandbox.id) : undefined;
    const usages = await Promise.all(running.map(({ id }) => this.#usageOf(id)));
    const own = process?.cgroups && cgroupUsage(process.cgroups, this.context.host.cgroupV2);
    const total = sum([own, ...usages].filter((usage) => usage !== undefined));
    return {
      attributes: {
        id: sandbox.id,
        metadata: sandbox.record.metadata,
        labels: sandbox.record.labels,
        annotations: sandbox.record.annotations,
      },
      linux: {
        cpu: this.#cpu(`pod/${sandbox.id}`, total),
        memory: memory(total),
        network: process ? networkUsage(process.pid) : null,
        process: { timestamp: nowNanos(), process_count: { value: total.processes } },
        containers: await Promise.all(running.map((container, index) => this.#statsOf(container, usages[index]))),
      },
    };
  }

  async #statsOf({ id, record }: ListedContainer, usage: CgroupUsage | undefined): Promise<ContainerStats> {
    const timestamp = nowNanos();
    const upperDir = (await this.#inspect(id))?.upperDir ?? '';
    const layer = upperDir === '' ? undefined : await this.#sizes.of(upperDir);
    return {
      attributes: { id, metadata: record.metadata, labels: record.labels, annotations: record.annotations },
      cpu: usage ? this.#cpu(id, usage) : { timestamp, usage_core_nano_seconds: { value: 0 } },
      memory: usage ? memory(usage) : { timestamp, working_set_bytes: { value: 0 } },
      writable_layer: {
        timestamp,
        fs_id: { mountpoint: upperDir },
        used_bytes: { value: layer?.bytes ?? 0 },
        inodes_used: { value: layer?.inodes ?? 0 },
      },
      ...(usage?.swapUsage === undefined ? {} : { swap: { timestamp, swap_usage_bytes: { value: usage.swapUsage } } }),
    };
  }

  #cpu(key: string, usage: CgroupUsage): CpuUsage {
    const rate = this.#rates.rate(key, usage.cpuNanos);
    return {
      timestamp: nowNanos(),
      usage_core_nano_seconds: { value: usage.cpuNanos },
      ...(rate === undefined ? {} : { usage_nano_cores: { value: rate } }),
    };
  }

  async #usageOf(id: string): Promise<CgroupUsage | undefined> {
    const running = await this.#inspect(id);
    return running?.cgroups && cgroupUsage(running.cgroups, this.context.host.cgroupV2);
  }

  async #inspect(id: string): Promise<Running | undefined> {
    const known = this.#running.get(id);
    if (known) return known;
    try {
      const info = await this.context.docker.quick.getContainer(id).inspect();
      const upperDir = (info.GraphDriver?.Data as { UpperDir?: string } | null)?.UpperDir ?? '';
      const { Pid: pid } = info.State;
      const running = { pid, upperDir, cgroups: pid > 0 ? cgroupsOf(pid) : undefined };
      if (info.State.Running) this.#running.set(id, running);
      return running;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #forget(id: string): void {
    const known = this.#running.get(id);
    this.#running.delete(id);
    if (known) this.#sizes.forget(known.upperDir);
  }
}

function memory(usage: CgroupUsage): MemoryUsage {
  const limit = usage.memoryLimit;
  return {
    timestamp: nowNanos(),
    working_set_bytes: { value: usage.workingSet },
    usage_bytes: { value: usage.memoryUsage },
    rss_bytes: { value: usage.rss },
    page_faults: { value: usage.pageFaults },
    major_page_faults: { value: usage.majorPageFaults },
    ...(limit === undefined ? {} : { available_bytes: { value: Math.max(0, limit - usage.workingSet) } }),
  };
}

function sum(usages: CgroupUsage[]): CgroupUsage {
  const of = (key: Exclude<keyof CgroupUsage, 'memoryLimit' | 'swapUsage'>) =>
    usages.reduce((total, usage) => total + usage[key], 0);
  return {
    cpuNanos: of('cpuNanos'),
    memoryUsage: of('memoryUsage'),
    workingSet: of('workingSet'),
    rss: of('rss'),
    pageFaults: of('pageFaults'),
    majorPageFaults: of('majorPageFaults'),
    processes: of('processes'),
  };
}
