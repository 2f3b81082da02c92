import type { OptionSpecs } from '@kubelab/component-base';

/** The flags of who may do what, named as kube-apiserver names them. */
export const accessOptions: OptionSpecs = {
  'admission-control-config-file': {
    type: 'string',
    description: 'Configuration of admission plugins (AdmissionConfiguration)',
  },
  'authentication-token-webhook-config-file': {
    type: 'string',
    description: 'Kubeconfig of the webhook that knows bearer tokens',
  },
  'authentication-token-webhook-version': {
    type: 'string',
    default: 'v1beta1',
    description: 'Version of TokenReview that the webhook is sent',
  },
  'authorization-webhook-cache-authorized-ttl': {
    type: 'duration',
    default: '5m',
    description: 'How long what the webhook allowed stays allowed',
  },
  'authorization-webhook-cache-unauthorized-ttl': {
    type: 'duration',
    default: '30s',
    description: 'How long what the webhook refused stays refused',
  },
  'authorization-webhook-config-file': {
    type: 'string',
    description: 'Kubeconfig of the webhook of the authorization mode Webhook',
  },
  'authorization-webhook-version': {
    type: 'string',
    default: 'v1beta1',
    description: 'Version of SubjectAccessReview that the webhook is sent',
  },
  'basic-auth-file': { type: 'string', description: 'Users with passwords, as before Kubernetes 1.19' },
  'oidc-ca-file': { type: 'string', description: 'Authority of the OpenID Connect provider' },
  'oidc-client-id': { type: 'string', description: 'Client that tokens of the provider must be for' },
  'oidc-groups-claim': { type: 'string', description: 'Claim with the groups of the user' },
  'oidc-groups-prefix': { type: 'string', description: 'Put before each group' },
  'oidc-issuer-url': { type: 'string', description: 'URL of the OpenID Connect provider' },
  'oidc-required-claim': { type: 'string[]', default: [], description: 'Claims that must be there, as key=value' },
  'oidc-signing-algs': { type: 'string[]', default: ['RS256'], description: 'Accepted signatures' },
  'oidc-username-claim': { type: 'string', default: 'sub', description: 'Claim with the name of the user' },
  'oidc-username-prefix': { type: 'string', description: 'Put before the name; - for nothing' },
};
