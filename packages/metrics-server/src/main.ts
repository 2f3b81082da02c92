#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Client, inClusterConfig, loadKubeconfig } from '@kubelab/client';
import { OptionError, type OptionSpecs, type OptionValues, runComponent } from '@kubelab/component-base';
import { selfSigned } from '@kubelab/pki';
import { KubeletClient } from './scrape/kubelet-client.js';
import { startMetricsServer } from './start.js';

const options: OptionSpecs = {
  kubeconfig: { type: 'string', description: 'How to reach the API server; in a pod, the service account by default' },
  'bind-address': { type: 'string', default: '0.0.0.0', description: 'Address to serve on' },
  'secure-port': { type: 'number', default: 443, description: 'Port of HTTPS' },
  'tls-cert-file': { type: 'string', description: 'Serving certificate; default a self-signed one' },
  'tls-private-key-file': { type: 'string', description: 'Key of the serving certificate' },
  'metric-resolution': { type: 'duration', default: '1m', description: 'Time between two rounds of scraping' },
  'kubelet-insecure-tls': {
    type: 'boolean',
    default: false,
    description: "Do not check the kubelets' serving certificates",
  },
  'kubelet-certificate-authority': {
    type: 'string',
    description: "Authority of the kubelets' serving certificates; default the API server's",
  },
  'kubelet-preferred-address-types': {
    type: 'string[]',
    default: ['Hostname', 'InternalDNS', 'InternalIP', 'ExternalDNS', 'ExternalIP'],
    description: 'Which addresses of a node to connect to, the first that it has',
  },
  'kubelet-port': { type: 'number', default: 10250, description: 'Port of the kubelets' },
  'kubelet-use-node-status-port': {
    type: 'boolean',
    default: false,
    description: 'Use the port in the status of each node instead of --kubelet-port',
  },
};

await runComponent({
  name: 'metrics-server',
  description: 'Serves CPU and memory usage of nodes and pods (metrics.k8s.io) as an extension API server',
  options,
  async start({ options: o, logger, metrics, health, signal }) {
    const resolutionMs = o.durationMs('metric-resolution');
    if (resolutionMs < 10_000) {
      throw new OptionError('--metric-resolution should be a time duration at least 10s');
    }
    const kubeconfig = o.optionalString('kubeconfig');
    const config = kubeconfig ? loadKubeconfig(kubeconfig) : inClusterConfig();
    const caFile = o.optionalString('kubelet-certificate-authority') ?? config.caFile;
    const caPem = caFile ? readFileSync(caFile, 'utf8') : config.caPem;
    const kubelets = new KubeletClient({
      credentials: config,
      addressTypes: o.strings('kubelet-preferred-address-types'),
      insecureTls: o.boolean('kubelet-insecure-tls'),
      ...(o.boolean('kubelet-use-node-status-port') ? {} : { port: o.number('kubelet-port') }),
      ...(caPem ? { caPem } : {}),
    });
    return startMetricsServer({
      client: new Client({ ...config, userAgent: 'metrics-server' }),
      kubelets,
      bindAddress: o.string('bind-address'),
      port: o.number('secure-port'),
      ...(await servingCertificate(o)),
      resolutionMs,
      metrics,
      health,
      logger,
      signal,
    });
  },
});

async function servingCertificate(o: OptionValues): Promise<{ cert: string; key: string }> {
  const certFile = o.optionalString('tls-cert-file');
  const keyFile = o.optionalString('tls-private-key-file');
  if (!certFile !== !keyFile) throw new OptionError('--tls-cert-file and --tls-private-key-file go together');
  if (certFile && keyFile) return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  const { certPem, keyPem } = await selfSigned({
    commonName: 'metrics-server',
    usages: ['server'],
    dnsNames: ['localhost', 'metrics-server.kube-system.svc'],
    ipAddresses: ['127.0.0.1'],
  });
  return { cert: certPem, key: keyPem };
}
