import { certificateSigningRequestColumns } from '../columns/groups.js';
import { setCertificateSigningRequestDefaults } from '../defaults/groups.js';
import { defaultsOf, defineResource, statusOf } from '../define.js';
import { text } from '../fields.js';
import type { ResourceEntry } from '../resource.js';
import { csrApprovalStrategy, csrStatusStrategy, csrStrategy } from '../strategy/groups.js';

const certificates = { group: 'certificates.k8s.io', typesPackage: 'io.k8s.api.certificates' };

/** certificates.k8s.io. */
export const certificatesResources: ResourceEntry[] = [
  defineResource(certificates, {
    resource: 'certificatesigningrequests',
    kind: 'CertificateSigningRequest',
    versions: ['v1'],
    shortNames: ['csr'],
    namespaced: false,
    columns: certificateSigningRequestColumns,
    strategy: csrStrategy,
    defaults: defaultsOf(setCertificateSigningRequestDefaults),
    selectableFields: { 'spec.signerName': text('spec.signerName') },
    subresources: {
      approval: {
        kind: 'CertificateSigningRequest',
        verbs: ['get', 'patch', 'update'],
        type: 'status',
        strategy: csrApprovalStrategy,
      },
      status: statusOf('CertificateSigningRequest', csrStatusStrategy),
    },
  }),
];
