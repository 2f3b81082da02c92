import { defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const admission = { group: 'admissionregistration.k8s.io', typesPackage: 'io.k8s.api.admissionregistration' };
const row = { versions: ['v1'], namespaced: false, categories: ['api-extensions'] };

/** admissionregistration.k8s.io. */
export const admissionregistrationResources: ResourceEntry[] = [
  defineResource(admission, {
    ...row,
    resource: 'mutatingwebhookconfigurations',
    kind: 'MutatingWebhookConfiguration',
  }),
  defineResource(admission, {
    ...row,
    resource: 'validatingadmissionpolicies',
    kind: 'ValidatingAdmissionPolicy',
    subresources: { status: statusOf('ValidatingAdmissionPolicy') },
  }),
  defineResource(admission, {
    ...row,
    resource: 'validatingadmissionpolicybindings',
    kind: 'ValidatingAdmissionPolicyBinding',
  }),
  defineResource(admission, {
    ...row,
    resource: 'validatingwebhookconfigurations',
    kind: 'ValidatingWebhookConfiguration',
  }),
];
