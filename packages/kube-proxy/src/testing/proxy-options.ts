import { createLogger, Registry } from '@kubelab/component-base';
import type { Backend } from '@kubelab/node-iptables';
import type { ProxyMode, ProxyOptions } from '../options.js';

/** What a proxy on the node of `Lab` is started with, in its network and nowhere else. */
export function labProxyOptions(o: {
  mode: ProxyMode;
  backend: Backend;
  /** Put before each command: enters the node's network. */
  prefix: readonly string[];
  signal: AbortSignal;
}): ProxyOptions {
  return {
    nodeName: 'node1',
    nodeIPs: ['192.168.77.1', 'fd00:77::1'],
    clusterCidrs: ['10.244.0.0/16', 'fd00:244::/32'],
    mode: o.mode,
    backend: o.backend,
    minSyncPeriodMs: 0,
    healthz: false,
    commandPrefix: [...o.prefix],
    metrics: new Registry(),
    logger: createLogger({ component: 'test', format: 'text', verbosity: 0 }),
    signal: o.signal,
  };
}
