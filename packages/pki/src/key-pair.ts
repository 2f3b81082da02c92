import 'reflect-metadata';
import { createHash, createPublicKey, generateKeyPairSync, type webcrypto, X509Certificate } from 'node:crypto';

/** A certificate with its private key, both PEM. */
export interface KeyPair {
  certPem: string;
  keyPem: string;
}

/** P-256 everywhere: fast to make and to verify, and every Kubernetes client takes it. */
export const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Makes a P-256 key pair for Web Crypto; extractable, since the private key goes to a file. */
export async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

/** PKCS#8 PEM of a private key. */
export async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return toPem('PRIVATE KEY', Buffer.from(await crypto.subtle.exportKey('pkcs8', key)));
}

/** An RSA key pair as PEM (PKCS#8 and SPKI): service account tokens are signed RS256, which every OIDC reader knows. */
export function generateServiceAccountKeys(): { privatePem: string; publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/**
 * The pin of a CA for `join`, as kubeadm writes it: `sha256:` and the hex SHA-256 of the certificate's Subject Public
 * Key Info (RFC 7469). Throws when the PEM is not a certificate.
 */
export function caCertHash(certPem: string): string {
  const spki = createPublicKey(new X509Certificate(certPem).publicKey.export({ type: 'spki', format: 'pem' })).export({
    type: 'spki',
    format: 'der',
  });
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}

export function toPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
