import type { ParsedCsr } from '@kubelab/pki';

export const kubeApiserverClient = 'kubernetes.io/kube-apiserver-client';
export const kubeApiserverClientKubelet = 'kubernetes.io/kube-apiserver-client-kubelet';
export const kubeletServing = 'kubernetes.io/kubelet-serving';
export const legacyUnknown = 'kubernetes.io/legacy-unknown';

type Csr = Pick<ParsedCsr, 'commonName' | 'organizations' | 'dnsNames' | 'ipAddresses' | 'emailAddresses' | 'uris'>;

const nodesGroup = 'system:nodes';
const nodePrefix = 'system:node:';

const kubeletClientUsages = [
  ['client auth', 'digital signature', 'key encipherment'],
  ['client auth', 'digital signature'],
];
const kubeletServingUsages = [
  ['digital signature', 'key encipherment', 'server auth'],
  ['digital signature', 'server auth'],
];

const sameSet = (a: string[], b: string[]): boolean =>
  a.length === b.length && [...a].sort().join('|') === [...b].sort().join('|');

function nodeSubjectProblem(csr: Csr): string | undefined {
  if (!sameSet(csr.organizations, [nodesGroup])) return 'subject organization is not system:nodes';
  if (!csr.commonName.startsWith(nodePrefix)) return 'subject common name does not begin with system:node:';
  return undefined;
}

/** Why this is no client certificate request of a kubelet; undefined if it is one. */
export function kubeletClientProblem(csr: Csr, usages: string[]): string | undefined {
  const subject = nodeSubjectProblem(csr);
  if (subject) return subject;
  if (csr.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (csr.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (csr.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (csr.uris.length > 0) return 'URI subjectAltNames are not allowed';
  return kubeletClientUsages.some((allowed) => sameSet(allowed, usages))
    ? undefined
    : 'usages did not match [client auth digital signature key encipherment]';
}

/** Why this is no serving certificate request of a kubelet; undefined if it is one. */
export function kubeletServingProblem(csr: Csr, usages: string[]): string | undefined {
  const subject = nodeSubjectProblem(csr);
  if (subject) return subject;
  if (csr.dnsNames.length === 0 && csr.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
  if (csr.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (csr.uris.length > 0) return 'URI subjectAltNames are not allowed';
  return kubeletServingUsages.some((allowed) => sameSet(allowed, usages))
    ? undefined
    : 'usages did not match [digital signature key encipherment server auth]';
}

/** Why this is no API client certificate request; undefined if it is one. */
export function apiClientProblem(_csr: Csr, usages: string[]): string | undefined {
  const allowed = new Set(['client auth', 'digital signature', 'key encipherment']);
  const unexpected = usages.filter((usage) => !allowed.has(usage));
  if (unexpected.length > 0) return `invalid usages for client certificate: ${usages.join(', ')}`;
  return usages.includes('client auth') ? undefined : 'usages must include "client auth"';
}

/** The check each built-in signer makes before it signs. legacy-unknown signs anything that was approved. */
export const signerChecks: Record<string, (csr: Csr, usages: string[]) => string | undefined> = {
  [kubeApiserverClient]: apiClientProblem,
  [kubeApiserverClientKubelet]: kubeletClientProblem,
  [kubeletServing]: kubeletServingProblem,
  [legacyUnknown]: () => undefined,
};
