import {
  validatingAdmissionPolicyBindingColumns,
  validatingAdmissionPolicyColumns,
  webhookConfigurationColumns,
} from '../columns/groups.js';
import {
  setValidatingAdmissionPolicyBindingDefaults,
  setValidatingAdmissionPolicyDefaults,
  setWebhookDefaults,
} from '../defaults/groups.js';
import { defaultsOf, defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';
import * as strategies from '../strategy/groups.js';

const admission = { group: 'admissionregistration.k8s.io', typesPackage: 'io.k8s.api.admissionregistration' };
const row = { versions: ['v1'], namespaced: false, categories: ['api-extensions'], allowUnconditionalUpdate: true };
const webhooks = {
  ...row,
  columns: webhookConfigurationColumns,
  strategy: strategies.webhookStrategy,
  defaults: defaultsOf(setWebhookDefaults),
};

/** admissionregistration.k8s.io. */
export const admissionregistrationResources: ResourceEntry[] = [
  defineResource(admission, {
    ...webhooks,
    resource: 'mutatingwebhookconfigurations',
    kind: 'MutatingWebhookConfiguration',
  }),
  defineResource(admission, {
    ...row,
    resource: 'validatingadmissionpolicies',
    kind: 'ValidatingAdmissionPolicy',
    columns: validatingAdmissionPolicyColumns,
    strategy: strategies.admissionPolicyStrategy,
    defaults: defaultsOf(setValidatingAdmissionPolicyDefaults),
    subresources: { status: statusOf('ValidatingAdmissionPolicy', strategies.plainStatusStrategy) },
  }),
  defineResource(admission, {
    ...row,
    resource: 'validatingadmissionpolicybindings',
    kind: 'ValidatingAdmissionPolicyBinding',
    columns: validatingAdmissionPolicyBindingColumns,
    strategy: strategies.admissionPolicyBindingStrategy,
    defaults: defaultsOf(setValidatingAdmissionPolicyBindingDefaults),
  }),
  defineResource(admission, {
    ...webhooks,
    resource: 'validatingwebhookconfigurations',
    kind: 'ValidatingWebhookConfiguration',
  }),
];
