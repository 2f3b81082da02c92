import { defineResource } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const rbac = { group: 'rbac.authorization.k8s.io', typesPackage: 'io.k8s.api.rbac' };
const v1 = ['v1'];

/** rbac.authorization.k8s.io. */
export const rbacResources: ResourceEntry[] = [
  defineResource(rbac, {
    resource: 'clusterrolebindings',
    kind: 'ClusterRoleBinding',
    versions: v1,
    namespaced: false,
  }),
  defineResource(rbac, { resource: 'clusterroles', kind: 'ClusterRole', versions: v1, namespaced: false }),
  defineResource(rbac, { resource: 'rolebindings', kind: 'RoleBinding', versions: v1 }),
  defineResource(rbac, { resource: 'roles', kind: 'Role', versions: v1 }),
];
