import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.admissionregistration. */
export const admissionregistrationOverlay: Overlay = {
  'io.k8s.api.admissionregistration.v1': {
    MatchResources: { '': 'atomic' },
    MutatingWebhook: { matchConditions: 'map=name patch=merge:name' },
    MutatingWebhookConfiguration: { webhooks: 'map=name patch=merge:name' },
    NamedRuleWithOperations: { '': 'atomic' },
    ParamKind: { '': 'atomic' },
    ParamRef: { '': 'atomic' },
    ValidatingAdmissionPolicyBindingSpec: { validationActions: 'set' },
    ValidatingAdmissionPolicySpec: {
      matchConditions: 'map=name patch=merge:name',
      variables: 'map=name patch=merge:name',
    },
    ValidatingAdmissionPolicyStatus: { conditions: 'map=type' },
    ValidatingWebhook: { matchConditions: 'map=name patch=merge:name' },
    ValidatingWebhookConfiguration: { webhooks: 'map=name patch=merge:name' },
    Variable: { '': 'atomic' },
  },
  'io.k8s.api.admissionregistration.v1beta1': {
    MatchResources: { '': 'atomic' },
    NamedRuleWithOperations: { '': 'atomic' },
    ParamKind: { '': 'atomic' },
    ParamRef: { '': 'atomic' },
    Variable: { '': 'atomic' },
  },
};
