import type { V1EndpointSlice, V1Node, V1Service, V1ServiceCIDR } from '@kubelab/api';
import { type Client, EventRecorder, gvr, InformerFactory } from '@kubelab/client';
import {
  type HealthRegistry,
  type OperationalServer,
  type RunningComponent,
  serveOperational,
} from '@kubelab/component-base';
import { type ConntrackOptions, defaultConntrack, setConntrack } from './conntrack-sysctls.js';
import { bind } from './health/bind.js';
import { KubeProxy } from './kube-proxy.js';
import type { ProxyOptions } from './options.js';

export interface StartKubeProxyOptions extends Omit<ProxyOptions, 'onProblem'> {
  client: Client;
  /** Shared informers of the process; made (and started) here if absent. If given, the caller starts them. */
  informers?: InformerFactory;
  health: HealthRegistry;
  /** Where /metrics and /healthz are served; false: not at all. Default 127.0.0.1:10249. */
  metricsServer?: { address: string; port: number } | false;
  /** Limits and times of connection tracking, set at the start. Default kube-proxy's. */
  conntrack?: ConntrackOptions;
}

/** Headless Services need no rules; Services with the label of another proxy are not ours. */
const labelSelector = '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name';

/** What rules are not made of is dropped before it is cached. */
function slim<T extends { metadata?: object }>(object: T): T {
  return { ...object, metadata: { ...object.metadata, managedFields: undefined } };
}

/**
 * Starts proxying on this node. Returns as soon as the ports are open; rules are written once Services and slices are
 * known, so that an API server that is away at the start never empties the kernel.
 */
export async function startKubeProxy(o: StartKubeProxyOptions): Promise<RunningComponent> {
  const { client, logger, signal } = o;
  const recorder = new EventRecorder(client, { component: 'kube-proxy', host: o.nodeName, logger });
  await setConntrack(o.conntrack ?? defaultConntrack, logger);
  const proxy = await KubeProxy.create({
    ...o,
    onProblem: (service, message, reason = 'FailedToProgramService') => {
      recorder.event({ apiVersion: 'v1', kind: 'Service', ...service }, 'Warning', reason, message);
    },
  });
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: o.nodeName, uid: o.nodeName } };
  recorder.event(node, 'Normal', 'Starting', '');
  const informers = o.informers ?? new InformerFactory(client, { logger });
  const services = informers.informer<V1Service>(gvr.services, { labelSelector, transform: slim });
  const slices = informers.informer<V1EndpointSlice>(gvr.endpointslices, { labelSelector, transform: slim });
  const nodes = informers.informer<V1Node>(gvr.nodes, { fieldSelector: `metadata.name=${o.nodeName}` });
  services.addEventHandler({
    add: (s) => proxy.setService(s),
    update: (_old, s) => proxy.setService(s),
    delete: (s) => proxy.removeService(s),
  });
  slices.addEventHandler({
    add: (s) => proxy.setSlice(s),
    update: (_old, s) => proxy.setSlice(s),
    delete: (s) => proxy.removeSlice(s),
  });
  nodes.addEventHandler({ add: (n) => proxy.setNode(n), update: (_old, n) => proxy.setNode(n) });
  if (o.mode === 'nftables') {
    // Rules do not wait for them: as long as none is known, nothing is dropped.
    const cidrs = informers.informer<V1ServiceCIDR>(gvr.servicecidrs, { transform: slim });
    const tell = () => proxy.setServiceCidrs(cidrs.lister.list().flatMap((c) => c.spec?.cidrs ?? []));
    cidrs.addEventHandler({ add: tell, update: tell, delete: tell });
  }
  if (!o.informers) informers.start(signal);

  o.health.addCheck('kube-proxy-sync', () => {
    if (!proxy.isHealthy) throw new Error('proxy rules are not up to date');
  }, ['readyz']);
  const metricsAt = o.metricsServer ?? { address: '127.0.0.1', port: 10249 };
  let server: OperationalServer | undefined;
  if (metricsAt !== false) {
    const open = () =>
      serveOperational({
        bindAddress: metricsAt.address,
        port: metricsAt.port,
        health: o.health,
        metrics: o.metrics,
        logger,
        texts: { '/proxyMode': o.mode ?? 'iptables' },
      });
    await bind(open, { what: 'metrics', hardFail: o.bindHardFail ?? false, logger, signal }, (opened) => {
      server = opened;
    });
  }

  const running = Promise.all([services, slices].map((i) => i.waitForSync(signal))).then(async () => {
    if (signal.aborted) return;
    logger.info('Services and endpoints are known, programming', { services: services.lister.list().length });
    await proxy.run();
  });
  return {
    async stop() {
      await running;
      await proxy.stop();
      await server?.close();
    },
  };
}
