import { FieldPath, field, isDns1123Subdomain, isPathSegmentName, validateLabelSelector } from '@kubelab/apimachinery';
import type {
  RbacV1Subject,
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1PolicyRule,
  V1Role,
  V1RoleBinding,
} from '../generated/types.js';
import { type Errors, each, invalidAll, list, semanticEqual } from './common.js';

const RBAC = 'rbac.authorization.k8s.io';

function validateRule(rule: V1PolicyRule, namespaced: boolean, path: FieldPath, errors: Errors): void {
  if (list(rule.verbs).length === 0)
    errors.push(field.required(path.child('verbs'), 'verbs must contain at least one value'));
  if (list(rule.nonResourceURLs).length > 0) {
    if (namespaced) {
      errors.push(
        field.invalid(
          path.child('nonResourceURLs'),
          rule.nonResourceURLs,
          'namespaced rules cannot apply to non-resource URLs',
        ),
      );
    }
    if (list(rule.apiGroups).length + list(rule.resources).length + list(rule.resourceNames).length > 0) {
      errors.push(
        field.invalid(
          path.child('nonResourceURLs'),
          rule.nonResourceURLs,
          'rules cannot apply to both regular resources and non-resource URLs',
        ),
      );
    }
    return;
  }
  if (list(rule.apiGroups).length === 0) {
    errors.push(field.required(path.child('apiGroups'), 'resource rules must supply at least one api group'));
  }
  if (list(rule.resources).length === 0) {
    errors.push(field.required(path.child('resources'), 'resource rules must supply at least one resource'));
  }
}

/** Checks a role. */
export function validateRole(role: V1Role): Errors {
  const errors: Errors = [];
  each(role.rules, (r, i) => validateRule(r, true, FieldPath.of('rules').index(i), errors));
  return errors;
}

/** Checks a cluster role. */
export function validateClusterRole(role: V1ClusterRole): Errors {
  const errors: Errors = [];
  each(role.rules, (r, i) => validateRule(r, false, FieldPath.of('rules').index(i), errors));
  if (role.aggregationRule) {
    const p = FieldPath.of('aggregationRule', 'clusterRoleSelectors');
    if (list(role.aggregationRule.clusterRoleSelectors).length === 0) {
      errors.push(field.required(p, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
    }
    each(role.aggregationRule.clusterRoleSelectors, (s, i) => errors.push(...validateLabelSelector(s, p.index(i))));
  }
  return errors;
}

function validateSubject(s: RbacV1Subject, namespaced: boolean, path: FieldPath, errors: Errors): void {
  if (!s.name) errors.push(field.required(path.child('name'), ''));
  switch (s.kind) {
    case 'ServiceAccount':
      if (s.name) invalidAll(path.child('name'), s.name, isDns1123Subdomain(s.name), errors);
      if (s.apiGroup) errors.push(field.notSupported(path.child('apiGroup'), s.apiGroup, ['']));
      if (!namespaced && !s.namespace) errors.push(field.required(path.child('namespace'), ''));
      break;
    case 'User':
    case 'Group':
      if (s.apiGroup !== RBAC) errors.push(field.notSupported(path.child('apiGroup'), s.apiGroup ?? '', [RBAC]));
      break;
    default:
      errors.push(field.notSupported(path.child('kind'), s.kind ?? '', ['ServiceAccount', 'User', 'Group']));
  }
}

function validateBinding(b: V1RoleBinding | V1ClusterRoleBinding, kinds: string[], namespaced: boolean): Errors {
  const errors: Errors = [];
  const ref = FieldPath.of('roleRef');
  if (b.roleRef?.apiGroup !== RBAC) {
    errors.push(field.notSupported(ref.child('apiGroup'), b.roleRef?.apiGroup ?? '', [RBAC]));
  }
  if (!kinds.includes(b.roleRef?.kind ?? '')) {
    errors.push(field.notSupported(ref.child('kind'), b.roleRef?.kind ?? '', kinds));
  }
  if (!b.roleRef?.name) errors.push(field.required(ref.child('name'), ''));
  else invalidAll(ref.child('name'), b.roleRef.name, isPathSegmentName(b.roleRef.name), errors);
  each(b.subjects, (s, i) => validateSubject(s, namespaced, FieldPath.of('subjects').index(i), errors));
  return errors;
}

/** Checks a role binding. */
export const validateRoleBinding = (b: V1RoleBinding): Errors => validateBinding(b, ['Role', 'ClusterRole'], true);
/** Checks a cluster role binding. */
export const validateClusterRoleBinding = (b: V1ClusterRoleBinding): Errors =>
  validateBinding(b, ['ClusterRole'], false);

function sameRole(now: V1RoleBinding | V1ClusterRoleBinding, old: V1RoleBinding | V1ClusterRoleBinding): Errors {
  if (semanticEqual(now.roleRef, old.roleRef)) return [];
  return [field.invalid('roleRef', now.roleRef, 'cannot change roleRef')];
}

/** Checks an update of a role binding: what it grants stays. */
export const validateRoleBindingUpdate = (now: V1RoleBinding, old: V1RoleBinding): Errors => [
  ...validateRoleBinding(now),
  ...sameRole(now, old),
];
/** Checks an update of a cluster role binding: what it grants stays. */
export const validateClusterRoleBindingUpdate = (now: V1ClusterRoleBinding, old: V1ClusterRoleBinding): Errors => [
  ...validateClusterRoleBinding(now),
  ...sameRole(now, old),
];
