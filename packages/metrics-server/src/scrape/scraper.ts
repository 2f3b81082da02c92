import type { V1Node } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import type { MetricsServerMetrics } from '../metrics.js';
import type { NodeBatch } from '../storage/point.js';
import type { KubeletClient } from './kubelet-client.js';
import { parseResourceMetrics } from './resource-metrics.js';

export interface ScraperOptions {
  kubelets: KubeletClient;
  nodes(): V1Node[];
  /** Time for one kubelet to answer. */
  timeoutMs: number;
  metrics: MetricsServerMetrics;
  logger: Logger;
}

/** Asks all kubelets once. Those that fail are left out of the result, and said in the log and the metrics. */
export async function scrape(o: ScraperOptions): Promise<NodeBatch[]> {
  const batches = await Promise.all(
    o.nodes().map(async (node): Promise<NodeBatch | undefined> => {
      const name = node.metadata?.name ?? '';
      const startedMs = Date.now();
      const end = o.metrics.requestDuration.startTimer({ node: name });
      try {
        const text = await o.kubelets.resourceMetrics(node, AbortSignal.timeout(o.timeoutMs));
        o.metrics.requests.inc({ success: 'true' });
        o.metrics.lastRequest.set({ node: name }, Math.floor(Date.now() / 1000));
        return parseResourceMetrics(name, text, startedMs);
      } catch (error) {
        o.metrics.requests.inc({ success: 'false' });
        o.logger.error('Failed to scrape node', { node: name, error });
        return undefined;
      } finally {
        end();
      }
    }),
  );
  return batches.filter((batch) => batch !== undefined);
}
