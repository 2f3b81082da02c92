import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1CertificateSigningRequest } from '@kubelab/api';
import { type Client, gvr, type ResourceClient } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import { createCsr, writeSecretFile } from '@kubelab/pki';
import { sleep } from '../lifecycle/hooks.js';

/** Certificate and key in one file, as the kubelet keeps them. */
export const clientCertFile = 'kubelet-client-current.pem';

const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
const waitMs = 15 * 60_000;

/** The stored client certificate, or undefined when there is none that is valid now. */
export function currentCertificate(certDir: string): X509Certificate | undefined {
  const path = join(certDir, clientCertFile);
  if (!existsSync(path)) return undefined;
  const certificate = new X509Certificate(readFileSync(path));
  return Date.parse(certificate.validTo) > Date.now() ? certificate : undefined;
}

/**
 * Asks the cluster for a client certificate of the node (system:node:NAME, group system:nodes) and stores it. Waits
 * until the request is approved. Throws when it is denied or not signed in 15 minutes.
 */
export async function requestCertificate(
  client: Client,
  nodeName: string,
  certDir: string,
  logger: Logger,
  signal: AbortSignal,
): Promise<X509Certificate> {
  const { csrPem, keyPem } = await createCsr({
    commonName: `system:node:${nodeName}`,
    organizations: ['system:nodes'],
  });
  // RSA keys only may be used for key encipherment (RFC 5480).
  const usages = ['digital signature', 'client auth'];
  if (createPrivateKey(keyPem).asymmetricKeyType === 'rsa') usages.splice(1, 0, 'key encipherment');
  const requests = client.resource<V1CertificateSigningRequest>(gvr.certificatesigningrequests);
  const created = await requests.create({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { generateName: 'csr-' },
    spec: { request: Buffer.from(csrPem).toString('base64'), signerName, usages },
  });
  const name = created.metadata?.name ?? '';
  logger.info('Waiting for the certificate request to be signed', { request: name });
  const certPem = await waitForCertificate(requests, name, signal);
  const path = join(certDir, clientCertFile);
  writeSecretFile(path, `${certPem.trimEnd()}\n${keyPem}`);
  logger.info('Client certificate stored', { path });
  return new X509Certificate(certPem);
}

async function waitForCertificate(
  requests: ResourceClient<V1CertificateSigningRequest>,
  name: string,
  signal: AbortSignal,
): Promise<string> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
  let pauseMs = 100;
  while (!deadline.aborted) {
    const request = await requests.get(name);
    for (const condition of request.status?.conditions ?? []) {
      if (condition.type === 'Denied' || condition.type === 'Failed') {
        throw new Error(
          `certificate request ${name} was ${condition.type.toLowerCase()}: ${condition.message ?? condition.reason ?? ''}`,
        );
      }
    }
    if (request.status?.certificate) return Buffer.from(request.status.certificate, 'base64').toString();
    await sleep(pauseMs, deadline);
    pauseMs = Math.min(2_000, pauseMs * 1.5);
  }
  signal.throwIfAborted();
  throw new Error(`certificate request ${name} was not signed in ${waitMs / 60_000} minutes`);
}

/** When to ask for the next certificate: at 70 to 90 % of its life, milliseconds since the epoch. */
export function rotationTime(certificate: X509Certificate, random: () => number = Math.random): number {
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  return from + (to - from) * (0.7 + 0.2 * random());
}
