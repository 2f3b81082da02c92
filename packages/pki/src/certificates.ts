import 'reflect-metadata';
import { createPrivateKey, randomBytes, type webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { generateKeys, type KeyPair, privateKeyPem, signingAlgorithm } from './key-pair.js';

const dayMs = 86_400_000;
/** Clocks of joining machines may be behind ours. */
const backdateMs = 5 * 60_000;

export interface CertificateSpec {
  /** The user name of a client certificate. */
  commonName: string;
  /** The groups of a client certificate. */
  organizations?: string[];
  dnsNames?: string[];
  ipAddresses?: string[];
  usages: ('client' | 'server')[];
  /** Default 365. */
  validityDays?: number;
}

/** Creates a self-signed certificate authority, valid for ten years by default. */
export async function createCa(commonName: string, validityDays = 3650): Promise<KeyPair> {
  const keys = await generateKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [commonName] }],
    ...validity(validityDays * dayMs),
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: `${cert.toString('pem')}\n`, keyPem: await privateKeyPem(keys.privateKey) };
}

/** Creates a key and a certificate for it, signed by the authority. */
export async function signCertificate(ca: KeyPair, spec: CertificateSpec): Promise<KeyPair> {
  const keys = await generateKeys();
  const issuer = await loadAuthority(ca);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: subjectOf(spec),
    issuer: issuer.cert.subjectName,
    ...validity((spec.validityDays ?? 365) * dayMs),
    signingAlgorithm: issuer.algorithm,
    publicKey: keys.publicKey,
    signingKey: issuer.key,
    extensions: [...leafExtensions(spec), await x509.AuthorityKeyIdentifierExtension.create(issuer.cert)],
  });
  return { certPem: `${cert.toString('pem')}\n`, keyPem: await privateKeyPem(keys.privateKey) };
}

/** Creates a certificate signed by its own key, for servers whose clients do not verify (a kubelet's default). */
export async function selfSigned(spec: CertificateSpec): Promise<KeyPair> {
  const keys = await generateKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: subjectOf(spec),
    ...validity((spec.validityDays ?? 365) * dayMs),
    signingAlgorithm,
    keys,
    extensions: leafExtensions(spec),
  });
  return { certPem: `${cert.toString('pem')}\n`, keyPem: await privateKeyPem(keys.privateKey) };
}

export interface Authority {
  cert: x509.X509Certificate;
  key: webcrypto.CryptoKey;
  algorithm: { name: string; hash: string; namedCurve?: string };
}

/** Loads an authority's PEM pair; EC (P-256, P-384, P-521) and RSA keys are taken. */
export async function loadAuthority(ca: KeyPair): Promise<Authority> {
  const key = createPrivateKey(ca.keyPem);
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const algorithm = algorithmOf(key.asymmetricKeyType, key.asymmetricKeyDetails?.namedCurve);
  return {
    cert: new x509.X509Certificate(ca.certPem),
    key: await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']),
    algorithm,
  };
}

function algorithmOf(type: string | undefined, curve: string | undefined): Authority['algorithm'] {
  if (type === 'rsa') {
    return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  }
  const named = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }[curve ?? ''];
  if (type === 'ec' && named) {
    return { name: 'ECDSA', namedCurve: named, hash: 'SHA-256' };
  }
  throw new Error(`unsupported authority key: ${type} ${curve ?? ''}`);
}

export function newSerial(): string {
  const bytes = randomBytes(16);
  // The serial number is a positive integer (RFC 5280, 4.1.2.2).
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString('hex');
}

export function validity(lifetimeMs: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + lifetimeMs) };
}

export function subjectOf(spec: { commonName: string; organizations?: string[] }): x509.JsonName {
  const organizations = (spec.organizations ?? []).map((name) => ({ O: [name] }));
  return [...organizations, { CN: [spec.commonName] }];
}

export function alternativeNames(spec: { dnsNames?: string[]; ipAddresses?: string[] }): x509.Extension[] {
  const names: x509.JsonGeneralNames = [
    ...(spec.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(spec.ipAddresses ?? []).map((value) => {
      if (isIP(value) === 0) {
        throw new Error(`not an IP address: ${value}`);
      }
      return { type: 'ip' as const, value };
    }),
  ];
  return names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [];
}

function leafExtensions(spec: CertificateSpec): x509.Extension[] {
  const purposes = spec.usages.map((usage) =>
    usage === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth,
  );
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
    new x509.ExtendedKeyUsageExtension(purposes),
    ...alternativeNames(spec),
  ];
}
