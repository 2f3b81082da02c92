import type { Client } from '@kubelab/client';
import {
  type HealthRegistry,
  type Logger,
  OptionError,
  type Registry,
  type RunningComponent,
} from '@kubelab/component-base';
import type { KubeletConfig } from './config.js';
import type { IsolatePod } from './runtime/runner-context.js';

export interface StartProxyOptions {
  config: KubeletConfig;
  client: Client;
  logger: Logger;
  metrics: Registry;
  /** The proxy's own, served at its own port. */
  health: HealthRegistry;
  signal: AbortSignal;
}

const routeModes = ['auto', 'host-gw', 'vxlan'] as const;

export interface NodeProxy {
  parts: RunningComponent[];
  isolate: IsolatePod;
}

/** Starts the pod network and kube-proxy in this process. Their code is loaded only when it is asked for. */
export async function startProxy(o: StartProxyOptions): Promise<NodeProxy> {
  const { options, nodeName, nodeIps, ipamDir } = o.config;
  const [{ startKubeProxy, proxyModes }, { startNodeNetwork }] = await Promise.all([
    import('@kubelab/kube-proxy'),
    import('@kubelab/node-network'),
  ]);
  const mode = routeModes.find((name) => name === options.string('route-mode'));
  if (!mode) throw new OptionError(`--route-mode must be one of ${routeModes.join(', ')}`);
  const proxyMode = proxyModes.find((name) => name === options.string('proxy-mode'));
  if (!proxyMode) throw new OptionError(`--proxy-mode must be one of ${proxyModes.join(', ')}`);
  const clusterCidrs = options.strings('cluster-cidr');
  const { client, metrics, signal, health } = o;
  const network = await startNodeNetwork({
    client,
    nodeName,
    nodeIp: nodeIps[0] ?? '',
    cniConfDir: options.string('cni-conf-dir'),
    ipamDataDir: ipamDir,
    bridgeName: options.string('bridge-name'),
    mode,
    clusterCidrs,
    ipvs: proxyMode === 'ipvs',
    logger: o.logger.child({ part: 'node-network' }),
    signal,
  });
  const metricsPort = options.number('proxy-metrics-port');
  const healthzPort = options.number('proxy-healthz-port');
  const proxy = await startKubeProxy({
    client,
    nodeName,
    nodeIPs: nodeIps,
    clusterCidrs,
    mode: proxyMode,
    // Each node has the addresses of load balancers on kube-ipvs0; only the one that announces them may answer ARP.
    ipvs: {
      scheduler: options.string('ipvs-scheduler'),
      excludeCidrs: options.strings('ipvs-exclude-cidrs'),
      strictArp: true,
    },
    metrics,
    health,
    logger: o.logger.child({ part: 'kube-proxy' }),
    signal,
    healthz: healthzPort > 0 ? { address: '0.0.0.0', port: healthzPort } : false,
    metricsServer: metricsPort > 0 ? { address: '127.0.0.1', port: metricsPort } : false,
  });
  return { parts: [network, proxy], isolate: (pod, ips) => network.isolate(pod, ips) };
}
