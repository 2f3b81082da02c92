import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { V1EndpointSlice, V1Namespace, V1Service } from '@kubelab/api';
import { type Client, gvr, InformerFactory } from '@kubelab/client';
import type { HealthRegistry, Logger, Registry, RunningComponent } from '@kubelab/component-base';
import { DnsServer } from './dns-server.js';
import { Forwarder } from './forward/forwarder.js';
import { LoopGuard } from './forward/loop-guard.js';
import { DnsMetrics } from './metrics.js';
import { Resolver } from './resolver.js';
import { HostsTable } from './zone/hosts.js';
import { ClusterZone } from './zone/lookup.js';
import { ClusterState } from './zone/state.js';

export interface StartDnsOptions {
  client: Client;
  addresses: string[];
  port: number;
  /** `cluster.local`. */
  domain: string;
  /** Of the cluster's records, in seconds. */
  ttlSeconds: number;
  upstreams: string[];
  stubDomains: Record<string, string[]>;
  /** hosts(5) file whose names are answered first; read again when it changes. */
  hostsFile?: string;
  upstreamTimeoutMs: number;
  cacheEntries: number;
  metrics: Registry;
  health: HealthRegistry;
  logger: Logger;
  signal: AbortSignal;
}

export interface RunningDns extends RunningComponent {
  port: number;
}

const maxCacheSeconds = 30;

/** Starts the cluster's DNS server: answers at once what is not the cluster's, and is ready when it knows that too. */
export async function startDns(o: StartDnsOptions): Promise<RunningDns> {
  const { logger, signal } = o;
  const metrics = new DnsMetrics(o.metrics);
  const state = new ClusterState();
  const informers = new InformerFactory(o.client, { logger });
  const sources = watchCluster(informers, state);
  const isSynced = () => sources.every((s) => s.hasSynced());
  const forwarder = new Forwarder({
    upstreams: o.upstreams,
    stubDomains: o.stubDomains,
    timeoutMs: o.upstreamTimeoutMs,
    cache: { maxEntries: o.cacheEntries, maxTtlSeconds: maxCacheSeconds, maxNegativeTtlSeconds: maxCacheSeconds },
    onResult: ({ server, ok, seconds }) => {
      if (ok) metrics.forwardDuration.observe({ to: server }, seconds);
      else metrics.forwardFailures.inc({ to: server });
    },
    onCache: (hit) => (hit ? metrics.cacheHits : metrics.cacheMisses).inc(),
  });
  const loop = new LoopGuard(() =>
    logger.error('Upstream servers send queries back here: forwarding is off. Set --upstream to servers that do not.', {
      upstreams: o.upstreams,
    }),
  );
  const hosts = o.hostsFile ? await watchHosts(o.hostsFile, o.ttlSeconds, logger, signal) : () => undefined;
  const zone = new ClusterZone(state, { domain: o.domain.toLowerCase().replace(/\.$/, ''), ttl: o.ttlSeconds });
  const resolver = new Resolver({ zone, forwarder, loop, hosts, isSynced });
  const server = await DnsServer.start({ addresses: o.addresses, port: o.port, resolver, metrics, logger });

  o.health.addCheck('informers', () => {
    if (!isSynced()) throw new Error('services, endpoints and namespaces are not known yet');
  }, ['readyz']);
  o.health.addCheck('loop', () => {
    if (loop.isLooping) throw new Error('upstream servers send queries back here');
  });
  informers.start(signal);
  void loop.probe(forwarder.serversFor(''), o.upstreamTimeoutMs);
  logger.info('Serving DNS', { addresses: o.addresses, port: server.port, domain: o.domain, upstreams: o.upstreams });
  const gauge = setInterval(() => metrics.cacheEntries.set(forwarder.cacheSize), 10_000).unref();
  return {
    port: server.port,
    async stop() {
      clearInterval(gauge);
      await server.close();
      forwarder.close();
    },
  };
}

function watchCluster(informers: InformerFactory, state: ClusterState): { hasSynced(): boolean }[] {
  const transform = <T extends { metadata?: object }>(x: T): T => ({
    ...x,
    metadata: { ...x.metadata, managedFields: undefined },
  });
  const services = informers.informer<V1Service>(gvr.services, { transform });
  const slices = informers.informer<V1EndpointSlice>(gvr.endpointslices, { transform });
  const namespaces = informers.informer<V1Namespace>(gvr.namespaces, { transform });
  services.addEventHandler({
    add: (s) => state.setService(s),
    update: (_old, s) => state.setService(s),
    delete: (s) => state.removeService(s),
  });
  slices.addEventHandler({
    add: (s) => state.setSlice(s),
    update: (old, s) => {
      state.removeSlice(old);
      state.setSlice(s);
    },
    delete: (s) => state.removeSlice(s),
  });
  namespaces.addEventHandler({
    add: (n) => state.setNamespace(n.metadata?.name ?? '', true),
    delete: (n) => state.setNamespace(n.metadata?.name ?? '', false),
  });
  return [services, slices, namespaces];
}

/** The current table of a hosts file. Rejects if it can't be read now; later errors are logged, the table stays. */
async function watchHosts(path: string, ttl: number, logger: Logger, signal: AbortSignal): Promise<() => HostsTable> {
  let table = new HostsTable(await readFile(path, 'utf8'), ttl);
  watchFile(path, { interval: 5000, persistent: false }, () => {
    readFile(path, 'utf8').then(
      (text) => {
        table = new HostsTable(text, ttl);
      },
      (error: unknown) => logger.error('Reading the hosts file again failed', { path, error }),
    );
  });
  signal.addEventListener('abort', () => unwatchFile(path), { once: true });
  return () => table;
}
