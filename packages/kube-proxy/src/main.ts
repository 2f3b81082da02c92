#!/usr/bin/env node
import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { Client, inClusterConfig, loadKubeconfig } from '@kubelab/client';
import { OptionError, type OptionValues, runComponent } from '@kubelab/component-base';
import { cleanupKubeProxy } from './cleanup.js';
import { setConntrack } from './conntrack-sysctls.js';
import { useConfiguration } from './flags/configuration.js';
import { nodeAddresses, nodePodCidrs } from './flags/node.js';
import { proxyFlags } from './flags/options.js';
import { flagSpecs } from './flags/specs.js';
import { familyOf } from './model/address.js';
import { NodePortAddresses } from './node-port-addresses.js';
import { startKubeProxy } from './start.js';
import { setRouteLocalnet, usesLocalhostNodePorts } from './system.js';

function makeClient(o: OptionValues): Client {
  const kubeconfig = o.optionalString('kubeconfig');
  const config = kubeconfig ? loadKubeconfig(kubeconfig) : inClusterConfig();
  const server = o.optionalString('master');
  const qps = o.number('kube-api-qps');
  const burst = o.number('kube-api-burst');
  return new Client({
    ...config,
    ...(server ? { server } : {}),
    ...(qps > 0 ? { qps } : {}),
    ...(burst > 0 ? { burst } : {}),
  });
}

/** The command line, with a KubeProxyConfiguration turned into flags. Ends the process for a bad one. */
function readArguments(): string[] {
  try {
    const { argv, ignored } = useConfiguration(process.argv.slice(2));
    if (ignored.length > 0) process.stderr.write(`Ignored, since --config is given: ${ignored.join(' ')}\n`);
    return argv;
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    process.stderr.write(`kubelab-kube-proxy: ${error.message}\n`);
    process.exit(2);
  }
}

process.argv = [...process.argv.slice(0, 2), ...readArguments()];
await runComponent({
  name: 'kube-proxy',
  description: 'Programs Services of the cluster into the packet filter of this node',
  options: flagSpecs,
  async start(context) {
    const { options: o, logger, metrics, health, signal } = context;
    const flags = proxyFlags(o);
    if (o.boolean('cleanup')) {
      const ipvsExcludeCidrs = flags.proxy.ipvs?.excludeCidrs ?? [];
      logger.info('Removed the proxy rules', { chains: await cleanupKubeProxy({ ipvsExcludeCidrs }) });
      process.exit(0);
    }
    if (o.boolean('init-only')) {
      await setConntrack(flags.conntrack, logger);
      const nodePorts = new NodePortAddresses(flags.proxy.nodePortAddresses ?? [], []);
      if (usesLocalhostNodePorts(flags.proxy, nodePorts)) await setRouteLocalnet([]);
      logger.info('System initialized and --init-only specified');
      process.exit(0);
    }
    await writeFile('/proc/self/oom_score_adj', String(flags.oomScoreAdj)).catch((error: unknown) =>
      logger.info('Cannot set oom_score_adj', { value: flags.oomScoreAdj, error: String(error) }),
    );
    const client = makeClient(o);
    const nodeName = (o.optionalString('hostname-override') ?? hostname()).trim().toLowerCase();
    const source = { client, nodeName, logger, signal };
    const given = o.strings('node-ip');
    let nodeIPs = given.length > 0 ? given : await nodeAddresses(source);
    const { bindAddress } = flags;
    if (bindAddress) nodeIPs = [bindAddress, ...nodeIPs.filter((ip) => familyOf(ip) !== familyOf(bindAddress))];
    return startKubeProxy({
      ...flags.proxy,
      ...(flags.localMode === 'NodeCIDR' ? { clusterCidrs: await nodePodCidrs(source) } : {}),
      client,
      nodeName,
      nodeIPs,
      conntrack: flags.conntrack,
      metricsServer: flags.metricsServer,
      metrics,
      health,
      logger,
      signal,
    });
  },
});
