import type { KubeObject } from '@kubelab/apimachinery';
import type { PolicyRule } from '../authorizer.js';
import { controllerRoles } from './controller-roles.js';
import { nodeAgentRole } from './kubelab-roles.js';
import { namespaceRoles } from './namespace-roles.js';
import { systemRoles } from './system-roles.js';
import { type DefaultRole, userRoles } from './user-roles.js';

export interface Subject {
  kind: 'User' | 'Group' | 'ServiceAccount';
  apiGroup?: string;
  name: string;
  namespace?: string;
}

/** A Role, ClusterRole or a binding of one. */
export type RbacObject = KubeObject & {
  rules?: PolicyRule[] | null;
  aggregationRule?: { clusterRoleSelectors?: { matchLabels?: Record<string, string> }[] };
  roleRef?: { apiGroup: string; kind: string; name: string };
  subjects?: Subject[];
};

const rbacGroup = 'rbac.authorization.k8s.io';
export const autoupdateAnnotation = 'rbac.authorization.kubernetes.io/autoupdate';

function metadata(name: string, namespace?: string, labels: Record<string, string> = {}): KubeObject['metadata'] {
  return {
    name,
    ...(namespace ? { namespace } : {}),
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
    annotations: { [autoupdateAnnotation]: 'true' },
  };
}

const apiVersion = `${rbacGroup}/v1`;

function clusterRole(r: DefaultRole): RbacObject {
  const aggregation = r.aggregates && {
    aggregationRule: {
      clusterRoleSelectors: [{ matchLabels: { [`rbac.authorization.k8s.io/aggregate-to-${r.aggregates}`]: 'true' } }],
    },
  };
  return {
    apiVersion,
    kind: 'ClusterRole',
    metadata: metadata(r.name, undefined, r.labels),
    ...(aggregation ? aggregation : {}),
    rules: r.rules ?? null,
  };
}

/** `system:masters` style groups are written `group:NAME`, service accounts of kube-system `sa:NAME`. */
function subject(text: string): Subject {
  if (text.startsWith('sa:')) return { kind: 'ServiceAccount', name: text.slice(3), namespace: 'kube-system' };
  if (text.startsWith('group:')) return { apiGroup: rbacGroup, kind: 'Group', name: text.slice(6) };
  return { apiGroup: rbacGroup, kind: 'User', name: text };
}

function clusterBinding(role: string, subjects: string[]): RbacObject {
  return {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: metadata(role),
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: role },
    subjects: subjects.map(subject),
  };
}

/** The ClusterRoles of a stock cluster, and the node agent's. */
export function defaultClusterRoles(): RbacObject[] {
  const controllers = Object.entries(controllerRoles).map(([name, rules]) => ({
    name: `system:controller:${name}`,
    rules,
  }));
  return [...userRoles, ...systemRoles, nodeAgentRole, ...controllers].map(clusterRole);
}

/** The ClusterRoleBindings of a stock cluster. `system:node` is bound to nobody: the Node authorizer does it. */
export function defaultClusterRoleBindings(): RbacObject[] {
  const authenticated = 'group:system:authenticated';
  const node = clusterBinding('system:node', []);
  delete node.subjects;
  return [
    clusterBinding('cluster-admin', ['group:system:masters']),
    clusterBinding('system:discovery', [authenticated]),
    clusterBinding('system:public-info-viewer', [authenticated, 'group:system:unauthenticated']),
    clusterBinding('system:basic-user', [authenticated]),
    clusterBinding('system:monitoring', ['group:system:monitoring']),
    clusterBinding('system:node-proxier', ['system:kube-proxy']),
    clusterBinding('system:kube-controller-manager', ['system:kube-controller-manager']),
    clusterBinding('system:kube-dns', ['sa:kube-dns']),
    clusterBinding('system:kube-scheduler', ['system:kube-scheduler']),
    clusterBinding('system:volume-scheduler', ['system:kube-scheduler']),
    clusterBinding('system:service-account-issuer-discovery', ['group:system:serviceaccounts']),
    node,
    clusterBinding(nodeAgentRole.name, ['group:system:nodes']),
    ...Object.keys(controllerRoles).map((name) => clusterBinding(`system:controller:${name}`, [`sa:${name}`])),
  ];
}

export function defaultRoles(): RbacObject[] {
  return namespaceRoles.map((r) => ({
    apiVersion,
    kind: 'Role',
    metadata: metadata(r.name, r.namespace),
    rules: r.rules,
  }));
}

export function defaultRoleBindings(): RbacObject[] {
  return namespaceRoles.map((r) => ({
    apiVersion,
    kind: 'RoleBinding',
    metadata: metadata(r.bindingName ?? r.name, r.namespace),
    roleRef: { apiGroup: rbacGroup, kind: 'Role', name: r.name },
    subjects: r.subjects.map(subject),
  }));
}
