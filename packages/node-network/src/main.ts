#!/usr/bin/env node
import { hostname } from 'node:os';
import { Client, inClusterConfig, loadKubeconfig } from '@kubelab/client';
import { OptionError, type OptionSpecs, runComponent, serveOperational } from '@kubelab/component-base';
import { cleanupNodeNetwork } from './node-network.js';
import type { RouteMode } from './options.js';
import { startNodeNetwork } from './start.js';

const options: OptionSpecs = {
  kubeconfig: { type: 'string', description: 'How to reach the API server; in a pod, the service account by default' },
  'hostname-override': { type: 'string', description: "This node's name; default the host name" },
  'node-ip': { type: 'string', description: "This node's address, by which peers reach it" },
  'cluster-cidr': {
    type: 'string',
    description: 'Pod networks, comma separated, one a family; default those of the nodes',
  },
  'cni-conf-dir': { type: 'string', description: 'Where the CNI configuration is written' },
  'bridge-name': { type: 'string', default: 'cni0', description: 'Bridge of the pods' },
  mode: { type: 'string', default: 'auto', description: 'Routes to other nodes: auto, host-gw or vxlan' },
  mtu: { type: 'number', default: 0, description: 'MTU of pods; 0: from the link' },
  'network-policy': { type: 'boolean', default: true, description: 'Enforce NetworkPolicies on the pods of this node' },
  ipvs: { type: 'boolean', default: false, description: 'kube-proxy on this node is in IPVS mode' },
  'operational-address': { type: 'string', description: 'ADDRESS:PORT of /healthz and /metrics; default none' },
  cleanup: {
    type: 'boolean',
    default: false,
    description: 'Remove chains, sets, routes, VXLAN device and bridge, and exit',
  },
};

await runComponent({
  name: 'node-network',
  description: 'Wires the pods of this node: CNI configuration, routes to other nodes, masquerading, network policies',
  options,
  async start({ options: o, logger, metrics, health, signal }) {
    const cniConfDir = o.optionalString('cni-conf-dir');
    const bridgeName = o.string('bridge-name');
    if (o.boolean('cleanup')) {
      await cleanupNodeNetwork({ ...(cniConfDir ? { cniConfDir } : {}), bridgeName });
      logger.info('Removed the pod network');
      process.exit(0);
    }
    const mode = o.string('mode');
    if (mode !== 'auto' && mode !== 'host-gw' && mode !== 'vxlan') {
      throw new OptionError(`--mode: ${JSON.stringify(mode)} is none of auto, host-gw, vxlan`);
    }
    const nodeIp = o.optionalString('node-ip');
    if (!cniConfDir || !nodeIp) throw new OptionError('--cni-conf-dir and --node-ip are needed');
    const kubeconfig = o.optionalString('kubeconfig');
    const cidrs = o.string('cluster-cidr').split(',').filter(Boolean);
    const running = await startNodeNetwork({
      client: new Client(kubeconfig ? loadKubeconfig(kubeconfig) : inClusterConfig()),
      nodeName: (o.optionalString('hostname-override') ?? hostname()).toLowerCase(),
      nodeIp,
      cniConfDir,
      bridgeName,
      mode: mode as RouteMode,
      ...(cidrs.length > 0 ? { clusterCidrs: cidrs } : {}),
      ...(o.number('mtu') > 0 ? { mtu: o.number('mtu') } : {}),
      networkPolicy: o.boolean('network-policy'),
      ipvs: o.boolean('ipvs'),
      logger,
      signal,
    });
    const at = /^\[?(.*?)\]?:(\d+)$/.exec(o.string('operational-address'));
    const server = at
      ? await serveOperational({ bindAddress: at[1] ?? '', port: Number(at[2]), health, metrics, logger })
      : undefined;
    return {
      async stop() {
        await running.stop();
        await server?.close();
      },
    };
  },
});
