import type { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, type ClientConfig, loadKubeconfig } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import { kubeconfig, writeSecretFile } from '@kubelab/pki';
import { sleep } from '../lifecycle/hooks.js';
import { clientCertFile, currentCertificate, requestCertificate, rotationTime } from './certificate.js';

export interface BootstrapOptions {
  /** --kubeconfig: written at the first start, used afterwards. */
  kubeconfigPath: string;
  /** --bootstrap-kubeconfig: with a bootstrap token; not needed once the first exists. */
  bootstrapPath: string | undefined;
  certDir: string;
  nodeName: string;
  logger: Logger;
  signal: AbortSignal;
}

const retryMs = 2_000;

/**
 * The agent's way to reach the API server. At the first start it gets a client certificate with the bootstrap token
 * (TLS bootstrapping) and writes its kubeconfig, which names the certificate's file.
 */
export async function bootstrapConfig(options: BootstrapOptions): Promise<ClientConfig> {
  const { kubeconfigPath, bootstrapPath, certDir, nodeName, logger, signal } = options;
  if (existsSync(kubeconfigPath)) {
    const config = loadKubeconfig(kubeconfigPath);
    const own = config.certFile === join(certDir, clientCertFile);
    if (!own || currentCertificate(certDir) || !bootstrapPath) return config;
    logger.info('The client certificate has expired, bootstrapping again');
  }
  if (!bootstrapPath) {
    throw new Error(`no kubeconfig at ${kubeconfigPath} and no --bootstrap-kubeconfig to get one with`);
  }
  const bootstrap = loadKubeconfig(bootstrapPath);
  const client = new Client(bootstrap);
  try {
    for (;;) {
      try {
        if (!currentCertificate(certDir)) await requestCertificate(client, nodeName, certDir, logger, signal);
        break;
      } catch (error) {
        signal.throwIfAborted();
        logger.warn('Bootstrap failed, trying again', { error });
        await sleep(retryMs, signal);
      }
    }
  } finally {
    client.close();
  }
  const path = join(certDir, clientCertFile);
  const caPem = bootstrap.caPem ?? (bootstrap.caFile ? readFileSync(bootstrap.caFile, 'utf8') : '');
  const text = kubeconfig({
    clusterName: 'kubelab',
    server: bootstrap.server,
    caPem,
    userName: `system:node:${nodeName}`,
    certFile: path,
    keyFile: path,
  });
  writeSecretFile(kubeconfigPath, text);
  logger.info('Kubeconfig written', { path: kubeconfigPath });
  return loadKubeconfig(kubeconfigPath);
}

/** Gets the next client certificate before the present one expires; the client reads the new file by itself. */
export async function rotateCertificate(client: Client, options: BootstrapOptions): Promise<void> {
  const { certDir, nodeName, logger, signal } = options;
  let certificate: X509Certificate | undefined = currentCertificate(certDir);
  if (!certificate || client.config.certFile !== join(certDir, clientCertFile)) return;
  while (!signal.aborted) {
    await sleepUntil(rotationTime(certificate), signal);
    if (signal.aborted) return;
    try {
      certificate = await requestCertificate(client, nodeName, certDir, logger, signal);
    } catch (error) {
      if (!signal.aborted) logger.error('Client certificate could not be rotated', { error });
      await sleep(60_000, signal);
    }
  }
}

/** Timers hold 24 days at most. */
const longestSleepMs = 86_400_000;

async function sleepUntil(time: number, signal: AbortSignal): Promise<void> {
  for (let left = time - Date.now(); left > 0 && !signal.aborted; left = time - Date.now()) {
    await sleep(Math.min(left, longestSleepMs), signal);
  }
}
