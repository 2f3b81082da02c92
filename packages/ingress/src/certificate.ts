import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import type { V1Secret } from '@kubelab/api';
import type { Certificate } from './model.js';

/** Keys are checked once, not at each change of an endpoint. Bounded: certificates change seldom. */
const checked = new Map<string, string | undefined>();
const maxChecked = 1000;

/**
 * The certificate of a secret (its type does not count, as in ingress-nginx), or what is wrong with it: nginx would
 * refuse its whole configuration for one key that does not fit.
 */
export function certificateOf(secret: V1Secret): Certificate | string {
  const read = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
  const [certPem, keyPem] = [read('tls.crt'), read('tls.key')];
  const digest = createHash('sha256').update(certPem).update(keyPem).digest('hex');
  if (!checked.has(digest)) {
    if (checked.size >= maxChecked) checked.clear();
    checked.set(digest, problem(certPem, keyPem));
  }
  const wrong = checked.get(digest);
  if (wrong !== undefined) return wrong;
  const { namespace, name } = secret.metadata ?? {};
  // A name by content: files of an old certificate are never written over while nginx still reads them.
  return { name: `${namespace}-${name}-${digest.slice(0, 12)}`, certPem, keyPem };
}

function problem(certPem: string, keyPem: string): string | undefined {
  if (!certPem.includes('BEGIN CERTIFICATE') || !keyPem.includes('PRIVATE KEY')) return 'holds no certificate and key';
  try {
    const certificates = certPem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
    const [leaf] = certificates.map((pem) => new X509Certificate(pem));
    return leaf?.checkPrivateKey(createPrivateKey(keyPem)) ? undefined : 'holds a key of another certificate';
  } catch (error) {
    return `holds a certificate or key that can't be read: ${(error as Error).message}`;
  }
}

/** A secret with what `certificateOf` reads of it, and no more. */
export function onlyCertificate(secret: V1Secret): V1Secret {
  const { 'tls.crt': crt, 'tls.key': key } = secret.data ?? {};
  return { ...secret, data: { ...(crt ? { 'tls.crt': crt } : {}), ...(key ? { 'tls.key': key } : {}) } };
}
