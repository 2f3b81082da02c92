import { uptime } from 'node:os';
import type { CriClient } from '@kubelab/cri';
import { fileSystemUse } from '../node/machine.js';
import type { UsageCollector } from '../stats/collector.js';
import { type DetailSource, podDetails } from '../stats/details.js';
import { cadvisorMetrics, resourceMetrics } from '../stats/prometheus.js';
import { type PodDetails, summary } from '../stats/summary.js';
import type { Route } from './server.js';

export interface StatsRoutesOptions {
  nodeName: string;
  rootDir: string;
  cri: CriClient;
  collector: UsageCollector;
  sources(): DetailSource[];
}

const prometheusType = 'text/plain; version=0.0.4; charset=utf-8';

/** /stats/summary, /metrics/resource and /metrics/cadvisor. */
export function statsRoutes(options: StatsRoutesOptions): Route[] {
  const { collector, cri } = options;
  return [
    {
      prefix: '/stats/summary',
      methods: ['GET', 'POST'],
      handle: async ({ url }, res) => {
        const onlyCpuAndMemory = url.searchParams.get('only_cpu_and_memory') === 'true';
        const details = new Map<string, PodDetails>();
        if (!onlyCpuAndMemory) {
          for (const source of options.sources()) details.set(source.pod.metadata.uid, await podDetails(source));
        }
        const usage = await collector.read();
        const nodeFs = await fileSystemUse(options.rootDir);
        const body = JSON.stringify(
          summary({
            nodeName: options.nodeName,
            bootTime: new Date(Date.now() - uptime() * 1000),
            usage,
            nodeFs,
            imageFs: await imageFileSystem(cri, options.rootDir),
            details,
          }),
        );
        res.writeHead(200, { 'Content-Type': 'application/json' });
        res.end(body);
      },
    },
    {
      prefix: '/metrics/resource',
      methods: ['GET'],
      handle: async (_request, res) => {
        const starts = new Map(
          options
            .sources()
            .flatMap(({ state }) =>
              (state?.containers ?? []).map((container): [string, number] => [container.id, container.startedAt]),
            ),
        );
        const body = resourceMetrics(await collector.read(), starts);
        res.writeHead(200, { 'Content-Type': prometheusType });
        res.end(body);
      },
    },
    {
      prefix: '/metrics/cadvisor',
      methods: ['GET'],
      handle: async (_request, res) => {
        const images = new Map(
          options
            .sources()
            .flatMap(({ state }) =>
              (state?.containers ?? []).map((container): [string, string] => [container.id, container.image]),
            ),
        );
        const body = cadvisorMetrics(await collector.read(), images);
        res.writeHead(200, { 'Content-Type': prometheusType });
        res.end(body);
      },
    },
  ];
}

/** The file system images are on, and how much of it they take. */
export async function imageFileSystem(cri: CriClient, fallback: string) {
  const { image_filesystems: found } = await cri.imageFsInfo({});
  const [first] = found;
  const use = await fileSystemUse(first?.fs_id?.mountpoint || fallback);
  return { ...use, imagesBytes: Number(first?.used_bytes?.value ?? 0) };
}
