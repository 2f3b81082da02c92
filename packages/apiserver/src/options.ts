import type { OptionSpecs } from '@kubelab/component-base';

/** The flags of the API server, named as kube-apiserver names them. */
export const apiServerOptions: OptionSpecs = {
  'advertise-address': { type: 'string', required: true, description: 'Address by which others reach this server' },
  'allow-privileged': { type: 'boolean', default: false, description: 'Allow privileged containers' },
  'anonymous-auth': { type: 'boolean', default: true, description: 'Serve requests without credentials as anonymous' },
  'api-audiences': {
    type: 'string[]',
    default: [],
    description: 'Audiences of tokens for this server; default: the issuers',
  },
  'authorization-mode': {
    type: 'string[]',
    default: ['AlwaysAllow'],
    description: 'Authorizers in order: Node, RBAC, AlwaysAllow, AlwaysDeny',
  },
  'bind-address': { type: 'string', default: '0.0.0.0', description: 'Address to listen on' },
  'client-ca-file': { type: 'string', description: 'Authority of client certificates' },
  'default-not-ready-toleration-seconds': {
    type: 'number',
    default: 300,
    description: 'For the admission plugin DefaultTolerationSeconds',
  },
  'default-unreachable-toleration-seconds': {
    type: 'number',
    default: 300,
    description: 'For the admission plugin DefaultTolerationSeconds',
  },
  'disable-admission-plugins': { type: 'string[]', default: [], description: 'Admission plugins to switch off' },
  'enable-admission-plugins': {
    type: 'string[]',
    default: [],
    description: 'Admission plugins to switch on besides the default ones',
  },
  'enable-bootstrap-token-auth': { type: 'boolean', default: false, description: 'Accept bootstrap tokens' },
  'etcd-cafile': { type: 'string', description: "Authority of etcd's certificate" },
  'etcd-certfile': { type: 'string', description: 'Client certificate for etcd' },
  'etcd-keyfile': { type: 'string', description: 'Key of the client certificate for etcd' },
  'etcd-prefix': { type: 'string', default: '/registry', description: 'Prefix of all keys in etcd' },
  'etcd-servers': { type: 'string[]', required: true, description: 'URLs of etcd' },
  'etcd-compaction-interval': {
    type: 'duration',
    default: '5m',
    description: 'How often old states of etcd are dropped; 0 never',
  },
  'kubelet-certificate-authority': {
    type: 'string',
    description: "Authority of the kubelets' certificates; without it they are not verified",
  },
  'kubelet-client-certificate': { type: 'string', description: 'Client certificate for kubelets' },
  'kubelet-client-key': { type: 'string', description: 'Key of the client certificate for kubelets' },
  'kubelet-preferred-address-types': {
    type: 'string[]',
    default: ['InternalIP', 'ExternalIP', 'Hostname'],
    description: "Which of a node's addresses to use, in order",
  },
  'max-mutating-requests-inflight': {
    type: 'number',
    default: 200,
    description: 'Writes served at once; 0 for no limit',
  },
  'max-requests-inflight': { type: 'number', default: 400, description: 'Reads served at once; 0 for no limit' },
  'min-request-timeout': { type: 'number', default: 1800, description: 'Seconds that a watch is served at least' },
  'proxy-client-cert-file': { type: 'string', description: 'Client certificate for extension servers' },
  'proxy-client-key-file': { type: 'string', description: 'Key of the client certificate for extension servers' },
  'requestheader-allowed-names': {
    type: 'string[]',
    default: [],
    description: 'Common names of trusted front proxies',
  },
  'requestheader-client-ca-file': { type: 'string', description: 'Authority of front proxies' },
  'requestheader-extra-headers-prefix': {
    type: 'string[]',
    default: ['X-Remote-Extra-'],
    description: "Prefixes of a front proxy's extra headers",
  },
  'requestheader-group-headers': {
    type: 'string[]',
    default: ['X-Remote-Group'],
    description: "A front proxy's headers of groups",
  },
  'requestheader-username-headers': {
    type: 'string[]',
    default: ['X-Remote-User'],
    description: "A front proxy's headers of the user name",
  },
  'secure-port': { type: 'number', default: 6443, description: 'Port to listen on' },
  'service-account-issuer': {
    type: 'string[]',
    default: [],
    description: 'Issuer of service account tokens; the first is written',
  },
  'service-account-key-file': {
    type: 'string[]',
    default: [],
    description: 'Public keys that service account tokens are verified by',
  },
  'service-account-signing-key-file': {
    type: 'string',
    description: 'Private key that service account tokens are signed with',
  },
  'service-account-extend-token-expiration': {
    type: 'boolean',
    default: true,
    description: 'Let tokens of pods live longer than asked, so that old clients that do not read them again go on',
  },
  'service-account-max-token-expiration': {
    type: 'duration',
    default: 0,
    description: 'Longest life of a token; 0 for no limit',
  },
  'service-account-jwks-uri': { type: 'string', description: 'Where the public keys are, in the discovery document' },
  'service-cluster-ip-range': {
    type: 'string[]',
    default: ['10.96.0.0/16'],
    description: 'Addresses of Services, one range a family',
  },
  'service-node-port-range': { type: 'string', default: '30000-32767', description: 'Node ports of Services' },
  'tls-cert-file': { type: 'string', required: true, description: 'Certificate of this server' },
  'tls-private-key-file': { type: 'string', required: true, description: 'Key of this server' },
  'token-auth-file': { type: 'string', description: 'CSV file of static tokens' },
};
