import { events, read, rule } from './rules.js';
import type { DefaultRole } from './user-roles.js';

/**
 * What a stock cluster gives to its CNI agent and kube-proxy by service accounts of their own: here both run inside
 * the node agent's process and use its identity, so the group system:nodes gets these reads by RBAC.
 */
export const nodeAgentRole: DefaultRole = {
  name: 'kubelab:node-agent',
  rules: [
    rule(read, 'core', 'nodes services endpoints pods namespaces'),
    rule(read, 'discovery.k8s.io', 'endpointslices'),
    rule(read, 'networking.k8s.io', 'networkpolicies servicecidrs'),
    rule('patch', 'core', 'services/status'),
    events(),
  ],
};
