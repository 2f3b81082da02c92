import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readKeyPair, selfSigned, writeKeyPair } from '@kubelab/pki';

/** A stored certificate with less than this left is replaced. */
const minimumLeftMs = 30 * 86_400_000;

/** The serving certificate: the one given by flags, or a self-signed one kept in the certificate folder. */
export async function servingCertificate(options: {
  certFile: string | undefined;
  keyFile: string | undefined;
  certDir: string;
  nodeName: string;
  nodeIps: string[];
}): Promise<{ cert: string; key: string }> {
  if (options.certFile && options.keyFile) {
    return { cert: readFileSync(options.certFile, 'utf8'), key: readFileSync(options.keyFile, 'utf8') };
  }
  const stored = readKeyPair(options.certDir, 'kubelet');
  if (stored) {
    const certificate = new X509Certificate(stored.certPem);
    const fits = options.nodeIps.every((ip) => certificate.checkIP(ip)) && certificate.checkHost(options.nodeName);
    if (fits && Date.parse(certificate.validTo) - Date.now() > minimumLeftMs) {
      return { cert: stored.certPem, key: stored.keyPem };
    }
  }
  const pair = await selfSigned({
    commonName: `${options.nodeName}@${Math.floor(Date.now() / 1000)}`,
    dnsNames: [options.nodeName],
    ipAddresses: options.nodeIps,
    usages: ['server'],
  });
  writeKeyPair(options.certDir, 'kubelet', pair);
  return { cert: pair.certPem, key: pair.keyPem };
}
