import { defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const certificates = { group: 'certificates.k8s.io', typesPackage: 'io.k8s.api.certificates' };

/** certificates.k8s.io. */
export const certificatesResources: ResourceEntry[] = [
  defineResource(certificates, {
    resource: 'certificatesigningrequests',
    kind: 'CertificateSigningRequest',
    versions: ['v1'],
    shortNames: ['csr'],
    namespaced: false,
    subresources: {
      approval: { kind: 'CertificateSigningRequest', verbs: ['get', 'patch', 'update'], type: 'status' },
      status: statusOf('CertificateSigningRequest'),
    },
  }),
];
