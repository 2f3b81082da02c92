#!/usr/bin/env node
import { hostname } from 'node:os';
import type { V1Node } from '@kubelab/api';
import { Client, gvr, inClusterConfig, loadKubeconfig } from '@kubelab/client';
import { type ComponentContext, OptionError, type OptionSpecs, runComponent } from '@kubelab/component-base';
import { cleanupKubeProxy } from './cleanup.js';
import { ipvsOptionSpecs, ipvsOptions } from './ipvs/flags.js';
import { proxyModes } from './options.js';
import { startKubeProxy } from './start.js';

const options: OptionSpecs = {
  kubeconfig: { type: 'string', description: 'How to reach the API server; in a pod, the service account by default' },
  'hostname-override': { type: 'string', description: "This node's name; default the host name" },
  'node-ip': {
    type: 'string[]',
    default: [],
    description: "This node's addresses, one a family; default from its Node object",
  },
  'cluster-cidr': {
    type: 'string',
    description: 'Pod networks, comma separated, one a family; traffic from elsewhere to cluster IPs is masqueraded',
  },
  'proxy-mode': {
    type: 'string',
    default: 'iptables',
    description:
      'iptables, nftables (constant lookup and update time), or ipvs (needs the kernel module ip_vs, and ipvsadm)',
  },
  ...ipvsOptionSpecs,
  'iptables-backend': { type: 'string', default: 'auto', description: 'auto, nft or legacy' },
  'masquerade-all': { type: 'boolean', default: false, description: 'Masquerade all traffic to cluster IPs' },
  'iptables-masquerade-bit': {
    type: 'number',
    default: 14,
    description: 'Bit of the packet mark that asks for masquerading',
  },
  'iptables-localhost-nodeports': {
    type: 'boolean',
    default: true,
    description: 'Node ports answer on 127.0.0.1 (sets route_localnet)',
  },
  'nodeport-addresses': {
    type: 'string[]',
    default: [],
    description: 'CIDRs of the addresses on which node ports answer, or "primary"; default all',
  },
  'iptables-min-sync-period': {
    type: 'duration',
    default: '100ms',
    description: 'Shortest time between two changes of the rules',
  },
  'iptables-sync-period': { type: 'duration', default: '30s', description: 'Interval of the look for foreign flushes' },
  'verify-period': {
    type: 'duration',
    default: '15m',
    description: 'Interval of the comparison of all rules with the kernel, 0 for never',
  },
  'healthz-bind-address': {
    type: 'string',
    default: '0.0.0.0:10256',
    description: 'Health for load balancers; empty for none',
  },
  'metrics-bind-address': { type: 'string', default: '127.0.0.1:10249', description: 'Metrics; empty for none' },
  cleanup: { type: 'boolean', default: false, description: 'Remove all rules of the proxy and exit' },
};

/** `0.0.0.0:10256`, `[::]:10256`; false for an empty value. */
function bindAddress(context: ComponentContext, flag: string): { address: string; port: number } | false {
  const text = context.options.string(flag);
  if (text === '') return false;
  const m = /^\[?(.*?)\]?:(\d+)$/.exec(text);
  if (!m) throw new OptionError(`--${flag}: ${JSON.stringify(text)} is not ADDRESS:PORT`);
  return { address: m[1] ?? '', port: Number(m[2]) };
}

/** A proxy can do without knowing (source ranges, `primary`): a Node object that can't be read is only logged. */
async function nodeAddresses(context: ComponentContext, client: Client, nodeName: string): Promise<string[]> {
  const given = context.options.strings('node-ip');
  if (given.length > 0) return given;
  try {
    const node = await client.resource<V1Node>(gvr.nodes).get(nodeName, { signal: context.signal });
    return (node.status?.addresses ?? []).filter((a) => a.type === 'InternalIP').map((a) => a.address);
  } catch (error) {
    context.logger.info('Cannot read the addresses of this node', { node: nodeName, error });
    return [];
  }
}

await runComponent({
  name: 'kube-proxy',
  description: 'Programs Services of the cluster into the packet filter of this node',
  options,
  async start(context) {
    const { options: o, logger, metrics, health, signal } = context;
    if (o.boolean('cleanup')) {
      logger.info('Removed the proxy rules', {
        chains: await cleanupKubeProxy({ ipvsExcludeCidrs: ipvsOptions(o).excludeCidrs ?? [] }),
      });
      process.exit(0);
    }
    const mode = proxyModes.find((m) => m === o.string('proxy-mode'));
    if (!mode)
      throw new OptionError(
        `--proxy-mode: ${JSON.stringify(o.string('proxy-mode'))} is not supported, use ${proxyModes.join(', ')}`,
      );
    const backend = o.string('iptables-backend');
    if (backend !== 'auto' && backend !== 'nft' && backend !== 'legacy') {
      throw new OptionError(`--iptables-backend: ${JSON.stringify(backend)} is none of auto, nft, legacy`);
    }
    const kubeconfig = o.optionalString('kubeconfig');
    const client = new Client(kubeconfig ? loadKubeconfig(kubeconfig) : inClusterConfig());
    const nodeName = (o.optionalString('hostname-override') ?? hostname()).toLowerCase();
    return startKubeProxy({
      client,
      nodeName,
      nodeIPs: await nodeAddresses(context, client, nodeName),
      clusterCidrs: o.string('cluster-cidr').split(',').filter(Boolean),
      mode,
      ipvs: ipvsOptions(o),
      backend,
      masqueradeAll: o.boolean('masquerade-all'),
      masqueradeBit: o.number('iptables-masquerade-bit'),
      localhostNodePorts: o.boolean('iptables-localhost-nodeports'),
      nodePortAddresses: o.strings('nodeport-addresses'),
      minSyncPeriodMs: o.durationMs(mode === 'ipvs' ? 'ipvs-min-sync-period' : 'iptables-min-sync-period'),
      syncPeriodMs: o.durationMs(mode === 'ipvs' ? 'ipvs-sync-period' : 'iptables-sync-period'),
      verifyPeriodMs: o.durationMs('verify-period'),
      healthz: bindAddress(context, 'healthz-bind-address'),
      metricsServer: bindAddress(context, 'metrics-bind-address'),
      metrics,
      health,
      logger,
      signal,
    });
  },
});
