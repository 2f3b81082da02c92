import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { alternativeNames, loadAuthority, newSerial, subjectOf, validity } from './certificates.js';
import { generateKeys, type KeyPair, privateKeyPem, signingAlgorithm } from './key-pair.js';

export interface CsrSpec {
  commonName: string;
  organizations?: string[];
  dnsNames?: string[];
  ipAddresses?: string[];
}

/** What a certificate signing request asks for. */
export interface ParsedCsr {
  commonName: string;
  organizations: string[];
  dnsNames: string[];
  ipAddresses: string[];
  emailAddresses: string[];
  uris: string[];
  publicKeyPem: string;
}

/** Creates a key and a PKCS#10 request for it. */
export async function createCsr(spec: CsrSpec): Promise<{ csrPem: string; keyPem: string }> {
  const keys = await generateKeys();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subjectOf(spec),
    keys,
    signingAlgorithm,
    extensions: alternativeNames(spec),
  });
  return { csrPem: `${request.toString('pem')}\n`, keyPem: await privateKeyPem(keys.privateKey) };
}

/** Parses a PEM request and checks its signature. Throws when it is not a valid request. */
export async function parseCsr(pem: string): Promise<ParsedCsr> {
  const request = new x509.Pkcs10CertificateRequest(pem);
  if (!(await request.verify())) {
    throw new Error('the signature of the certificate request is not valid');
  }
  const names = alternativeNamesOf(request)?.names.items ?? [];
  const ofType = (type: string) => names.filter((name) => name.type === type).map((name) => name.value);
  return {
    commonName: request.subjectName.getField('CN')[0] ?? '',
    organizations: request.subjectName.getField('O'),
    dnsNames: ofType('dns'),
    ipAddresses: ofType('ip'),
    emailAddresses: ofType('email'),
    uris: ofType('url'),
    publicKeyPem: `${request.publicKey.toString('pem')}\n`,
  };
}

function alternativeNamesOf(request: x509.Pkcs10CertificateRequest): x509.SubjectAlternativeNameExtension | undefined {
  return request.extensions.find((extension) => extension instanceof x509.SubjectAlternativeNameExtension);
}

/** Bits of the key usage extension by the names of certificates.k8s.io/v1 KeyUsage. */
const keyUsageFlags: Record<string, number> = {
  signing: x509.KeyUsageFlags.digitalSignature,
  'digital signature': x509.KeyUsageFlags.digitalSignature,
  'content commitment': x509.KeyUsageFlags.nonRepudiation,
  'key encipherment': x509.KeyUsageFlags.keyEncipherment,
  'key agreement': x509.KeyUsageFlags.keyAgreement,
  'data encipherment': x509.KeyUsageFlags.dataEncipherment,
  'cert sign': x509.KeyUsageFlags.keyCertSign,
  'crl sign': x509.KeyUsageFlags.cRLSign,
  'encipher only': x509.KeyUsageFlags.encipherOnly,
  'decipher only': x509.KeyUsageFlags.decipherOnly,
};

const extendedUsages: Record<string, string> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
};

export interface SignCsrOptions {
  /** KeyUsage names of certificates.k8s.io/v1. An unknown one is an error. */
  usages: string[];
  expirationSeconds: number;
}

/**
 * Signs a request: subject, alternative names and key come from it, usages and lifetime from the options; the lifetime
 * never outlasts the authority's. Returns the certificate as PEM.
 */
export async function signCsr(ca: KeyPair, csrPem: string, options: SignCsrOptions): Promise<string> {
  const request = new x509.Pkcs10CertificateRequest(csrPem);
  if (!(await request.verify())) {
    throw new Error('the signature of the certificate request is not valid');
  }
  const issuer = await loadAuthority(ca);
  const { notBefore, notAfter } = validity(options.expirationSeconds * 1000);
  let flags = 0;
  const purposes: string[] = [];
  for (const usage of options.usages) {
    const flag = keyUsageFlags[usage];
    const purpose = extendedUsages[usage];
    if (flag === undefined && purpose === undefined) {
      throw new Error(`unrecognized key usage ${JSON.stringify(usage)}`);
    }
    flags |= flag ?? 0;
    if (purpose) {
      purposes.push(purpose);
    }
  }
  const names = alternativeNamesOf(request);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: request.subjectName,
    issuer: issuer.cert.subjectName,
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), issuer.cert.notAfter.getTime())),
    signingAlgorithm: issuer.algorithm,
    publicKey: request.publicKey,
    signingKey: issuer.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...(flags ? [new x509.KeyUsagesExtension(flags, true)] : []),
      ...(purposes.length > 0 ? [new x509.ExtendedKeyUsageExtension(purposes)] : []),
      ...(names ? [names] : []),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.cert),
    ],
  });
  return `${cert.toString('pem')}\n`;
}
