#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { Client, inClusterConfig, loadKubeconfig } from '@kubelab/client';
import { OptionError, type OptionSpecs, runComponent, serveOperational } from '@kubelab/component-base';
import { systemNameservers } from './forward/resolv-conf.js';
import { startDns } from './start.js';

const options: OptionSpecs = {
  kubeconfig: { type: 'string', description: 'How to reach the API server; in a pod, the service account by default' },
  'bind-address': {
    type: 'string[]',
    default: [],
    description:
      'Addresses to answer on, UDP and TCP; default all of the machine, IPv4 and where there is IPv6 that too',
  },
  port: { type: 'number', default: 53, description: 'Port of DNS' },
  'cluster-domain': { type: 'string', default: 'cluster.local', description: "The cluster's domain" },
  ttl: { type: 'number', default: 30, description: "Time to live of the cluster's records, in seconds" },
  upstream: {
    type: 'string[]',
    default: [],
    description: 'Servers for all other names; default those of --resolv-conf',
  },
  'resolv-conf': {
    type: 'string',
    default: '/etc/resolv.conf',
    description: 'Where the default upstream servers are read',
  },
  'stub-domain': { type: 'string[]', default: [], description: 'DOMAIN=SERVER[+SERVER]: other servers for a domain' },
  'hosts-file': { type: 'string', description: 'hosts(5) file whose names are answered first' },
  'config-map': {
    type: 'string',
    default: 'kube-system/kube-dns',
    description:
      "NAMESPACE/NAME of a ConfigMap with kube-dns's keys stubDomains and upstreamNameservers, and hosts; or ''",
  },
  'lame-duck': {
    type: 'duration',
    default: '5s',
    description: 'After a signal: time of answering on while not ready, so that no query is lost',
  },
  'upstream-timeout': { type: 'duration', default: '2s', description: 'Time for one upstream server to answer' },
  'cache-entries': { type: 'number', default: 10000, description: 'Answers of upstream servers to keep' },
  'operational-address': { type: 'string', default: '0.0.0.0:9153', description: '/healthz, /readyz and /metrics' },
};

function stubDomains(flags: string[]): Record<string, string[]> {
  const out: Record<string, string[]> = {};
  for (const f of flags) {
    const [domain, servers] = f.split('=');
    if (!domain || !servers) throw new OptionError(`--stub-domain: ${JSON.stringify(f)} is not DOMAIN=SERVER[+SERVER]`);
    out[domain] = [...(out[domain] ?? []), ...servers.split('+')];
  }
  return out;
}

await runComponent({
  name: 'dns',
  description: "Answers the cluster's names by the Kubernetes DNS specification 1.1 and forwards all others",
  options,
  async start({ options: o, logger, metrics, health, signal }) {
    const kubeconfig = o.optionalString('kubeconfig');
    const hostsFile = o.optionalString('hosts-file');
    const given = o.strings('upstream');
    const addresses = o.strings('bind-address');
    const configMap = o.optionalString('config-map');
    if (configMap && !/^[^/]+\/[^/]+$/.test(configMap)) throw new OptionError('--config-map is not NAMESPACE/NAME');
    const at = /^\[?(.*?)\]?:(\d+)$/.exec(o.string('operational-address'));
    if (!at) throw new OptionError('--operational-address is not ADDRESS:PORT');
    const dns = await startDns({
      client: new Client(kubeconfig ? loadKubeconfig(kubeconfig) : inClusterConfig()),
      addresses: addresses.length > 0 ? addresses : ['0.0.0.0', ...(existsSync('/proc/net/if_inet6') ? ['::'] : [])],
      port: o.number('port'),
      domain: o.string('cluster-domain'),
      ttlSeconds: o.number('ttl'),
      upstreams: given.length > 0 ? given : await systemNameservers(o.string('resolv-conf')),
      stubDomains: stubDomains(o.strings('stub-domain')),
      ...(hostsFile ? { hostsFile } : {}),
      ...(configMap ? { configMap } : {}),
      lameDuckMs: o.durationMs('lame-duck'),
      upstreamTimeoutMs: o.durationMs('upstream-timeout'),
      cacheEntries: o.number('cache-entries'),
      metrics,
      health,
      logger,
      signal,
    });
    const server = await serveOperational({
      bindAddress: at[1] ?? '',
      port: Number(at[2]),
      health,
      metrics,
      logger,
    });
    return {
      async stop() {
        await dns.stop();
        await server.close();
      },
    };
  },
});
