import { readFile } from 'node:fs/promises';
import type { Client } from '@kubelab/client';
import type { HealthRegistry, Logger, Registry } from '@kubelab/component-base';
import type { CriClient } from '@kubelab/cri';
import type { KubeletConfig } from '../config.js';
import type { PodManager } from '../pod/manager.js';
import type { RuntimeReader } from '../runtime/reader.js';
import type { UsageCollector } from '../stats/collector.js';
import type { StatusManager } from '../status/manager.js';
import type { VolumeManager } from '../volumes/manager.js';
import { ServerAuth } from './auth.js';
import { logRoute } from './container-logs.js';
import { infoRoutes } from './info.js';
import { nodeLogsRoute } from './node-logs.js';
import { KubeletServer } from './server.js';
import { servingCertificate } from './serving-certificate.js';
import { statsRoutes } from './stats-routes.js';
import { streamRoutes } from './streams.js';

export interface NodeServerOptions {
  config: KubeletConfig;
  client: Client;
  logger: Logger;
  health: HealthRegistry;
  metrics: Registry;
  cri: CriClient;
  reader: RuntimeReader;
  pods: PodManager;
  statuses: StatusManager;
  volumes: VolumeManager;
  collector: UsageCollector;
}

/** The node's HTTPS server with all its paths; not listening yet. */
export async function nodeServer(o: NodeServerOptions): Promise<KubeletServer> {
  const { config, pods, reader, cri } = o;
  const { options, nodeName } = config;
  const clientCa = options.optionalString('client-ca-file');
  const findPod = (namespace: string, name: string, uid?: string) => pods.find(namespace, name, uid);
  return new KubeletServer({
    address: options.string('address'),
    port: options.number('port'),
    tls: await servingCertificate({
      certFile: options.optionalString('tls-cert-file'),
      keyFile: options.optionalString('tls-private-key-file'),
      certDir: config.certDir,
      nodeName,
      nodeIps: config.nodeIps,
    }),
    clientCa: clientCa ? await readFile(clientCa, 'utf8') : undefined,
    auth: new ServerAuth(o.client, nodeName, { anonymous: options.boolean('anonymous-auth') }),
    health: o.health,
    logger: o.logger,
    routes: [
      logRoute({
        reader,
        findPod,
        lastState: (uid) => pods.worker(uid)?.state,
        isKnown: (uid) => pods.isKnown(uid),
      }),
      ...streamRoutes({ cri, reader, findPod }),
      ...(options.boolean('enable-system-log-handler') ? [nodeLogsRoute('/var/log')] : []),
      ...statsRoutes({
        nodeName,
        rootDir: config.rootDir,
        cri,
        collector: o.collector,
        sources: () =>
          pods.allWorkers().map(({ pod, state }) => ({
            pod,
            state,
            startTime: (o.statuses.get(pod.metadata.uid) ?? pod.status)?.startTime,
            volumes: o.volumes.measured(pod),
          })),
      }),
      ...infoRoutes({
        metrics: o.metrics,
        pods: () => pods.pods(),
        status: (uid) => o.statuses.get(uid),
        reader,
        config: () => shownConfig(config),
      }),
    ],
  });
}

/** The configuration in KubeletConfiguration's words. */
function shownConfig({ options }: KubeletConfig): Record<string, unknown> {
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    address: options.string('address'),
    port: options.number('port'),
    clusterDNS: options.strings('cluster-dns'),
    clusterDomain: options.string('cluster-domain'),
    maxPods: options.number('max-pods'),
    podPidsLimit: options.number('pod-max-pids'),
    staticPodPath: options.string('pod-manifest-path'),
    evictionHard: thresholdMap(options.strings('eviction-hard')),
    evictionSoft: thresholdMap(options.strings('eviction-soft')),
    imageGCHighThresholdPercent: options.number('image-gc-high-threshold'),
    imageGCLowThresholdPercent: options.number('image-gc-low-threshold'),
    containerLogMaxSize: options.string('container-log-max-size'),
    containerLogMaxFiles: options.number('container-log-max-files'),
    nodeStatusUpdateFrequency: `${options.durationMs('node-status-update-frequency') / 1000}s`,
    nodeLeaseDurationSeconds: options.number('node-lease-duration-seconds'),
    cgroupRoot: options.string('cgroup-root'),
    cgroupsPerQOS: options.boolean('cgroups-per-qos'),
  };
}

function thresholdMap(items: string[]): Record<string, string> {
  return Object.fromEntries(items.map((item) => item.split('<') as [string, string]));
}
