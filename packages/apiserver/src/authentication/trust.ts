import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';

/** The single certificates of a PEM file. */
export function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}

/**
 * Tells whether a verified peer certificate was issued (at any depth) by one of the given CAs. The TLS layer has
 * verified the chain by all trusted CAs; this tells which of them it was, to keep user and front proxy CAs apart.
 */
export function issuedBy(caPem: string): (certificate: PeerCertificate) => boolean {
  const cas = splitPem(caPem).map((p) => new X509Certificate(p));
  const fingerprints = new Set(cas.map((c) => c.fingerprint256));
  return (certificate) => {
    const seen = new Set<string>();
    let at: PeerCertificate | undefined = certificate;
    while (at && !seen.has(at.fingerprint256)) {
      seen.add(at.fingerprint256);
      if (fingerprints.has(at.fingerprint256)) return true;
      const issuer: PeerCertificate | undefined = (at as PeerCertificate & { issuerCertificate?: PeerCertificate })
        .issuerCertificate;
      // The chain that Node shows ends before the root when the client did not send it.
      if (!issuer || issuer.fingerprint256 === at.fingerprint256) {
        const last = new X509Certificate(at.raw);
        return cas.some((ca) => last.checkIssued(ca) && last.verify(ca.publicKey));
      }
      at = issuer;
    }
    return false;
  };
}
