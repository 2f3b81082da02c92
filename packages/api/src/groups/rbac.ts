import { roleBindingColumns } from '../columns/groups.js';
import { setRoleBindingDefaults } from '../defaults/groups.js';
import { defaultsOf, defineResource } from '../define.js';
import type { ResourceEntry } from '../resource.js';
import * as strategies from '../strategy/groups.js';
import { nameIsPathSegment } from '../validation/common.js';

const rbac = { group: 'rbac.authorization.k8s.io', typesPackage: 'io.k8s.api.rbac' };
const row = {
  versions: ['v1'],
  validateName: nameIsPathSegment,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
};
const binding = { columns: roleBindingColumns, defaults: defaultsOf(setRoleBindingDefaults) };

/** rbac.authorization.k8s.io. */
export const rbacResources: ResourceEntry[] = [
  defineResource(rbac, {
    ...row,
    ...binding,
    resource: 'clusterrolebindings',
    kind: 'ClusterRoleBinding',
    namespaced: false,
    strategy: strategies.clusterRoleBindingStrategy,
  }),
  defineResource(rbac, {
    ...row,
    resource: 'clusterroles',
    kind: 'ClusterRole',
    namespaced: false,
    strategy: strategies.clusterRoleStrategy,
  }),
  defineResource(rbac, {
    ...row,
    ...binding,
    resource: 'rolebindings',
    kind: 'RoleBinding',
    strategy: strategies.roleBindingStrategy,
  }),
  defineResource(rbac, { ...row, resource: 'roles', kind: 'Role', strategy: strategies.roleStrategy }),
];
