import { isIPv4 } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1ConfigMap, V1EndpointSlice, V1Namespace, V1Service } from '@kubelab/api';
import { type Client, gvr, InformerFactory } from '@kubelab/client';
import type { HealthRegistry, Logger, Registry, RunningComponent } from '@kubelab/component-base';
import { withConfigMap } from './configuration.js';
import { DnsServer } from './dns-server.js';
import { Forwarding, type ForwardingSettings } from './forward/forwarding.js';
import { Upstream } from './forward/upstream.js';
import { DnsMetrics } from './metrics.js';
import { Resolver } from './resolver.js';
import { watchText } from './watch-text.js';
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
  /** `namespace/name` of a ConfigMap with more of these, see withConfigMap(); followed as it changes. */
  configMap?: string;
  upstreamTimeoutMs: number;
  cacheEntries: number;
  /** After a signal queries are still answered for so long, while others learn that this server goes. */
  lameDuckMs: number;
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
  const metrics = new DnsMetrics(o.metrics, o.port, () => forwarding.forwarder.cacheSize);
  const state = new ClusterState();
  const informers = new InformerFactory(o.client, { logger });
  const sources = watchCluster(informers, state);
  const isSynced = () => sources.every((s) => s.hasSynced());
  const forwardingOf = (settings: ForwardingSettings) =>
    new Forwarding(
      settings,
      {
        timeoutMs: o.upstreamTimeoutMs,
        cache: { maxEntries: o.cacheEntries, maxTtlSeconds: maxCacheSeconds, maxNegativeTtlSeconds: maxCacheSeconds },
        onResult: ({ server, answer, seconds }) => metrics.upstream(server, answer, seconds),
        onCache: (event) => metrics.cached(event),
        onRejected: () => metrics.rejected.inc(),
      },
      o.ttlSeconds,
    );
  const base = { upstreams: foreign(o.upstreams, o, logger), stubDomains: o.stubDomains, hosts: '' };
  if (o.hostsFile)
    base.hosts = await watchText(o.hostsFile, (text) => void use({ ...base, hosts: text }), logger, signal);
  let forwarding = forwardingOf(base);
  const zone = new ClusterZone(state, { domain: o.domain.toLowerCase().replace(/\.$/, ''), ttl: o.ttlSeconds });
  const resolver = new Resolver({ zone, forwarding: () => forwarding, isSynced });
  const server = await DnsServer.start({ addresses: o.addresses, port: o.port, resolver, metrics, logger });

  let configMap: V1ConfigMap | undefined;
  /** Puts other settings in force: of the command line and its hosts file (`b`), or of the ConfigMap. */
  async function use(b: ForwardingSettings): Promise<void> {
    Object.assign(base, b);
    const before = forwarding;
    try {
      const settings = withConfigMap(base, configMap);
      if (JSON.stringify(settings) === JSON.stringify(before.settings)) return;
      forwarding = forwardingOf({ ...settings, upstreams: foreign(settings.upstreams, o, logger) });
    } catch (error) {
      metrics.reloadFailures.inc();
      logger.error('The settings before stay in force', { configMap: o.configMap, error });
      return;
    }
    const { upstreams, stubDomains } = forwarding.settings;
    logger.info('Other settings', { upstreams, stubDomains, hosts: forwarding.hosts?.size ?? 0 });
    void forwarding.watchLoops(logger, (n) => metrics.loops.set(n));
    await before.close();
  }
  if (o.configMap) {
    const [namespace = '', name = ''] = o.configMap.split('/');
    const maps = informers.informer<V1ConfigMap>(gvr.configmaps, { namespace, fieldSelector: `metadata.name=${name}` });
    const changed = (map: V1ConfigMap | undefined) => {
      configMap = map;
      void use(base);
    };
    maps.addEventHandler({ add: changed, update: (_old, map) => changed(map), delete: () => changed(undefined) });
    sources.push(maps);
  }

  let isStopping = false;
  o.health.addCheck('informers', () => {
    if (!isSynced()) throw new Error('services, endpoints, namespaces or the settings are not known yet');
  }, ['readyz']);
  o.health.addCheck('shutdown', () => {
    if (isStopping) throw new Error('stopping');
  }, ['readyz']);
  informers.start(signal);
  void forwarding.watchLoops(logger, (n) => metrics.loops.set(n));
  const { upstreams } = base;
  logger.info('Serving DNS', { addresses: o.addresses, port: server.port, domain: o.domain, upstreams });
  return {
    port: server.port,
    async stop() {
      isStopping = true;
      await delay(o.lameDuckMs);
      await server.close();
      await forwarding.close();
    },
  };
}

const loopback = /^(127\.|::1$)/;

/** The servers that are not this one: a machine's resolv.conf may name loopback addresses, which in a pod are its own. */
function foreign(servers: string[], o: { addresses: string[]; port: number }, logger: Logger): string[] {
  const isOwn = (text: string) => {
    const { host, port } = new Upstream(text);
    const everywhere = isIPv4(host) ? '0.0.0.0' : '::';
    const isBound = o.addresses.includes(host) || (loopback.test(host) && o.addresses.includes(everywhere));
    return isBound && port === o.port;
  };
  const others = servers.filter((s) => !isOwn(s));
  if (others.length < servers.length) {
    logger.warn('Upstream servers that are this server itself are left out', { servers, left: others });
  }
  if (others.length === 0)
    logger.warn('No upstream servers: only names of the cluster and of hosts entries are answered');
  return others;
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
