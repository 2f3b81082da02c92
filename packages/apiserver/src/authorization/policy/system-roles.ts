import { events, read, rule, urls } from './rules.js';
import type { DefaultRole } from './user-roles.js';

const csr = 'system:certificates.k8s.io:certificatesigningrequests';
const approver = (signer: string): DefaultRole => ({
  name: `system:certificates.k8s.io:${signer}-approver`,
  rules: [rule('approve', 'certificates.k8s.io', 'signers', [`kubernetes.io/${signer}`])],
});

/** Rules of `system:node`; the role is bound to nobody by default, the Node authorizer grants the same, narrowed. */
export const nodeRules = [
  rule('create', 'authentication.k8s.io', 'tokenreviews'),
  rule('create', 'authorization.k8s.io', 'subjectaccessreviews localsubjectaccessreviews'),
  rule(read, 'core', 'services'),
  rule(`create ${read}`, 'core', 'nodes'),
  rule('update patch', 'core', 'nodes/status'),
  rule('update patch', 'core', 'nodes'),
  rule('create update patch', 'core', 'events'),
  rule(read, 'core', 'pods'),
  rule('create delete', 'core', 'pods'),
  rule('update patch', 'core', 'pods/status'),
  rule('create', 'core', 'pods/eviction'),
  rule(read, 'core', 'secrets configmaps'),
  rule('get', 'core', 'persistentvolumeclaims persistentvolumes'),
  rule('get', 'core', 'endpoints'),
  rule(`create ${read}`, 'certificates.k8s.io', 'certificatesigningrequests'),
  rule('get create update patch delete', 'coordination.k8s.io', 'leases'),
  rule('get', 'storage.k8s.io', 'volumeattachments'),
  rule('create', 'core', 'serviceaccounts/token'),
  rule('get update patch', 'core', 'persistentvolumeclaims/status'),
  rule(read, 'storage.k8s.io', 'csidrivers'),
  rule('get create update patch delete', 'storage.k8s.io', 'csinodes'),
  rule(read, 'node.k8s.io', 'runtimeclasses'),
];

/** The roles of Kubernetes' own parts and of everybody who may log in. */
export const systemRoles: DefaultRole[] = [
  {
    name: 'system:discovery',
    rules: [urls('get', '/livez /readyz /healthz /version /version/ /openapi /openapi/* /api /api/* /apis /apis/*')],
  },
  { name: 'system:public-info-viewer', rules: [urls('get', '/livez /readyz /healthz /version /version/')] },
  {
    name: 'system:monitoring',
    rules: [
      urls('get', '/metrics /metrics/slis /livez /readyz /healthz /livez/* /readyz/* /healthz/* /statusz /flagz'),
    ],
  },
  {
    name: 'system:basic-user',
    rules: [
      rule('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
      rule('create', 'authentication.k8s.io', 'selfsubjectreviews'),
    ],
  },
  {
    name: 'system:heapster',
    rules: [rule(read, 'core', 'events pods nodes namespaces'), rule(read, 'extensions', 'deployments')],
  },
  { name: 'system:node', rules: nodeRules },
  {
    name: 'system:node-problem-detector',
    rules: [rule('get', 'core', 'nodes'), rule('patch', 'core', 'nodes/status'), events()],
  },
  {
    name: 'system:kubelet-api-admin',
    rules: [
      rule(read, 'core', 'nodes'),
      rule('proxy', 'core', 'nodes'),
      rule('*', 'core', 'nodes/proxy nodes/metrics nodes/stats nodes/log nodes/healthz nodes/pods nodes/configz'),
    ],
  },
  {
    name: 'system:node-bootstrapper',
    rules: [rule(`create ${read}`, 'certificates.k8s.io', 'certificatesigningrequests')],
  },
  {
    name: 'system:auth-delegator',
    rules: [
      rule('create', 'authentication.k8s.io', 'tokenreviews'),
      rule('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    ],
  },
  { name: 'system:kube-aggregator', rules: [rule(read, 'core', 'services endpoints')] },
  {
    name: 'system:kube-controller-manager',
    rules: [
      events(),
      rule('create', 'coordination.k8s.io', 'leases'),
      rule('get update', 'coordination.k8s.io', 'leases', ['kube-controller-manager']),
      rule('create', 'core', 'secrets serviceaccounts'),
      rule('delete', 'core', 'secrets'),
      rule('get', 'core', 'namespaces secrets serviceaccounts configmaps'),
      rule('update', 'core', 'secrets serviceaccounts'),
      rule('create', 'authentication.k8s.io', 'tokenreviews'),
      rule('create', 'authorization.k8s.io', 'subjectaccessreviews'),
      rule('list watch', '*', '*'),
      rule('create', 'core', 'serviceaccounts/token'),
    ],
  },
  { name: 'system:kube-dns', rules: [rule('list watch', 'core', 'endpoints services')] },
  {
    name: 'system:kube-scheduler',
    rules: [
      events(),
      rule('create', 'coordination.k8s.io', 'leases'),
      rule('get update list watch', 'coordination.k8s.io', 'leases', ['kube-scheduler']),
      rule('create', 'coordination.k8s.io', 'leasecandidates'),
      rule(read, 'core', 'nodes'),
      rule(`delete ${read}`, 'core', 'pods'),
      rule('create', 'core', 'pods/binding bindings'),
      rule('patch update', 'core', 'pods/status'),
      rule(read, 'core', 'services replicationcontrollers'),
      rule(read, 'apps extensions', 'replicasets'),
      rule(read, 'apps', 'statefulsets'),
      rule(read, 'policy', 'poddisruptionbudgets'),
      rule(read, 'core', 'persistentvolumeclaims persistentvolumes'),
      rule('create', 'authentication.k8s.io', 'tokenreviews'),
      rule('create', 'authorization.k8s.io', 'subjectaccessreviews'),
      rule(read, 'storage.k8s.io', 'csinodes'),
      rule(read, 'core', 'namespaces'),
      rule(read, 'storage.k8s.io', 'csidrivers'),
      rule(read, 'storage.k8s.io', 'csistoragecapacities'),
    ],
  },
  {
    name: 'system:node-proxier',
    rules: [
      rule('list watch', 'core', 'services endpoints'),
      rule(read, 'core', 'nodes'),
      events(),
      rule('list watch', 'discovery.k8s.io', 'endpointslices'),
      rule('list watch', 'networking.k8s.io', 'servicecidrs'),
    ],
  },
  {
    name: 'system:persistent-volume-provisioner',
    rules: [
      rule(`create delete ${read}`, 'core', 'persistentvolumes'),
      rule(`update ${read}`, 'core', 'persistentvolumeclaims'),
      rule(read, 'storage.k8s.io', 'storageclasses'),
      rule('watch', 'core', 'events'),
      events(),
    ],
  },
  {
    name: 'system:volume-scheduler',
    rules: [
      rule(`update patch ${read}`, 'core', 'persistentvolumes'),
      rule(read, 'storage.k8s.io', 'storageclasses'),
      rule(`update patch ${read}`, 'core', 'persistentvolumeclaims'),
    ],
  },
  {
    name: `${csr}:nodeclient`,
    rules: [rule('create', 'certificates.k8s.io', 'certificatesigningrequests/nodeclient')],
  },
  {
    name: `${csr}:selfnodeclient`,
    rules: [rule('create', 'certificates.k8s.io', 'certificatesigningrequests/selfnodeclient')],
  },
  approver('legacy-unknown'),
  approver('kubelet-serving'),
  approver('kube-apiserver-client'),
  approver('kube-apiserver-client-kubelet'),
  {
    name: 'system:service-account-issuer-discovery',
    rules: [urls('get', '/.well-known/openid-configuration /openid/v1/jwks')],
  },
];
