import type { V1ConfigMap, V1Node, V1Pod } from '@kubelab/api';
import { deepEqual } from '@kubelab/apimachinery';
import { type Client, gvr, InformerFactory } from '@kubelab/client';
import type { HealthRegistry, Logger, Registry, RunningComponent } from '@kubelab/component-base';
import { MetricsApi } from './api/metrics-api.js';
import { serveMetrics } from './api/server.js';
import { readAuthenticationConfig } from './auth/authentication-config.js';
import { DelegatedAuth } from './auth/delegated-auth.js';
import { MetricsServerMetrics } from './metrics.js';
import type { KubeletClient } from './scrape/kubelet-client.js';
import { scrape } from './scrape/scraper.js';
import { MetricStorage } from './storage/metric-storage.js';

export interface StartMetricsServerOptions {
  client: Client;
  kubelets: KubeletClient;
  bindAddress: string;
  /** 0 takes a free port. */
  port: number;
  /** Serving certificate, PEM. */
  cert: string;
  key: string;
  /** Time between two rounds of scraping. */
  resolutionMs: number;
  metrics: Registry;
  health: HealthRegistry;
  logger: Logger;
  signal: AbortSignal;
}

export interface RunningMetricsServer extends RunningComponent {
  port: number;
}

/** Serves metrics.k8s.io and asks the kubelets now and then. Ready when it knows the usage of something. */
export async function startMetricsServer(o: StartMetricsServerOptions): Promise<RunningMetricsServer> {
  const metrics = new MetricsServerMetrics(o.metrics);
  const storage = new MetricStorage(o.resolutionMs);
  const informers = new InformerFactory(o.client, { logger: o.logger });
  const nodes = informers.informer<V1Node>(gvr.nodes, { transform: nodeNeeds });
  const pods = informers.informer<V1Pod>(gvr.pods, { fieldSelector: 'status.phase=Running', transform: podNeeds });
  const configMaps = informers.informer<V1ConfigMap>(gvr.configmaps, {
    namespace: 'kube-system',
    fieldSelector: 'metadata.name=extension-apiserver-authentication',
  });
  informers.start(o.signal);
  await informers.waitForSync(o.signal);
  const readConfig = () =>
    readAuthenticationConfig(configMaps.lister.get('kube-system', 'extension-apiserver-authentication'));
  let authentication = readConfig();
  const server = await serveMetrics({
    ...o,
    api: new MetricsApi({ storage, nodes: nodes.lister, pods: pods.lister }),
    auth: new DelegatedAuth(o.client, () => authentication),
    authentication,
  });
  const follow = (): void => {
    const now = readConfig();
    if (deepEqual(now, authentication)) return;
    authentication = now;
    server.trust(now);
  };
  configMaps.addEventHandler({ add: follow, update: follow });

  let lastRoundMs = Date.now();
  const round = async (): Promise<void> => {
    const end = metrics.tickDuration.startTimer();
    const timeoutMs = o.resolutionMs * 0.9;
    storage.store(await scrape({ ...o, nodes: () => nodes.lister.list(), timeoutMs, metrics }));
    lastRoundMs = Date.now();
    metrics.storagePoints.set({ type: 'node' }, storage.nodeCount);
    metrics.storagePoints.set({ type: 'pod' }, storage.podCount);
    end();
  };
  o.health.addCheck('metric-collection-timely', () => {
    if (Date.now() - lastRoundMs > o.resolutionMs * 2) throw new Error('the last round of scraping is too long ago');
  }, ['livez', 'healthz']);
  o.health.addCheck('metric-storage-ready', () => {
    if (!storage.ready) throw new Error('no metrics to store');
  }, ['readyz']);
  o.logger.info('Serving metrics.k8s.io', { port: server.port });
  const rounds = runRounds(round, o);
  return {
    port: server.port,
    async stop() {
      await server.close();
      await rounds;
      o.kubelets.close();
    },
  };
}

/** A round at once, one soon after it (two points make a rate), then one each `resolutionMs`. */
async function runRounds(round: () => Promise<void>, o: StartMetricsServerOptions): Promise<void> {
  const secondRoundMs = Math.min(o.resolutionMs, 5_000);
  for (let count = 0; !o.signal.aborted; count++) {
    const startedMs = Date.now();
    try {
      await round();
    } catch (error) {
      o.logger.error('A round of scraping failed', { error });
    }
    const waitMs = (count === 0 ? secondRoundMs : o.resolutionMs) - (Date.now() - startedMs);
    await pause(waitMs, o.signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, ms));
    signal.addEventListener('abort', done);
  });
}

/** Only what scraping and answering need is kept of the objects. */
function nodeNeeds(node: V1Node): V1Node {
  const { addresses, daemonEndpoints } = node.status ?? {};
  return {
    ...node,
    metadata: { ...node.metadata, managedFields: undefined },
    spec: undefined,
    status: { addresses, daemonEndpoints },
  };
}

function podNeeds(pod: V1Pod): V1Pod {
  const { name, namespace, labels, uid, resourceVersion } = pod.metadata ?? {};
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels, uid, resourceVersion } };
}
