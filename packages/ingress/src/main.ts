#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { Client, inClusterConfig, loadKubeconfig } from '@kubelab/client';
import { OptionError, type OptionSpecs, runComponent, serveOperational } from '@kubelab/component-base';
import { findLua, rejectsHandshakes } from './abilities.js';
import { startIngress } from './start.js';

const options: OptionSpecs = {
  kubeconfig: { type: 'string', description: 'How to reach the API server; in a pod, the service account by default' },
  'http-port': { type: 'number', default: 80, description: 'Port of HTTP' },
  'https-port': { type: 'number', default: 443, description: 'Port of HTTPS' },
  'status-port': { type: 'number', default: 10246, description: "nginx' own health and status on 127.0.0.1" },
  'publish-address': { type: 'string[]', default: [], description: 'Addresses to write into the status of Ingresses' },
  'publish-service': {
    type: 'string',
    description: 'NAMESPACE/NAME of the Service whose addresses are written instead',
  },
  'lease-namespace': { type: 'string', default: 'kube-system', description: 'Where the lease of the status writer is' },
  'work-dir': {
    type: 'string',
    default: '/run/kubelab/ingress',
    description: "nginx' configuration, certificates, pid file",
  },
  'nginx-binary': { type: 'string', default: '/usr/sbin/nginx', description: 'The nginx program' },
  'nginx-modules': {
    type: 'string',
    default: '/usr/lib/nginx/modules',
    description: "Folder of nginx' modules; with libnginx-mod-http-lua endpoints change without reloads",
  },
  'nginx-user': { type: 'string', default: 'www-data', description: "User of nginx' workers; empty: as started" },
  'operational-address': { type: 'string', default: '0.0.0.0:10254', description: '/healthz, /readyz and /metrics' },
};

await runComponent({
  name: 'ingress',
  description: 'Serves Ingresses with nginx',
  options,
  // Requests under way end first; how long they may take is for the pod's terminationGracePeriodSeconds to say.
  stopTimeoutMs: Number.POSITIVE_INFINITY,
  async start({ options: o, logger, metrics, health, signal }) {
    const at = /^\[?(.*?)\]?:(\d+)$/.exec(o.string('operational-address'));
    if (!at) throw new OptionError('--operational-address is not ADDRESS:PORT');
    const dir = o.string('work-dir');
    mkdirSync(dir, { recursive: true });
    const kubeconfig = o.optionalString('kubeconfig');
    const lua = findLua(o.string('nginx-modules'));
    if (!lua) logger.warn('nginx has no Lua here: endpoints change by reloads', { modules: o.string('nginx-modules') });
    const isRoot = process.getuid?.() === 0;
    const ingress = await startIngress({
      client: new Client(kubeconfig ? loadKubeconfig(kubeconfig) : inClusterConfig()),
      settings: {
        httpPort: o.number('http-port'),
        httpsPort: o.number('https-port'),
        statusPort: o.number('status-port'),
        dir,
        workers: availableParallelism(),
        user: isRoot ? o.optionalString('nginx-user') : undefined,
        ipv6: existsSync('/proc/net/if_inet6'),
        lua,
        rejectsHandshakes: await rejectsHandshakes(o.string('nginx-binary')),
        token: randomBytes(16).toString('hex'),
      },
      nginxBinary: o.string('nginx-binary'),
      publishAddresses: o.strings('publish-address'),
      publishService: o.optionalString('publish-service'),
      identity: `${hostname()}_${process.pid}`,
      leaseNamespace: o.string('lease-namespace'),
      health,
      logger,
      signal,
    });
    const server = await serveOperational({ bindAddress: at[1] ?? '', port: Number(at[2]), health, metrics, logger });
    return {
      async stop() {
        await ingress.stop();
        await server.close();
      },
    };
  },
});
