import {
  deepCopy,
  type GroupResource,
  isAlreadyExists,
  isConflict,
  isNotFound,
  newUid,
  nowSecond,
} from '@kubelab/apimachinery';
import type { ObjectAccess } from '../object-access.js';
import type { PolicyRule } from './authorizer.js';
import {
  autoupdateAnnotation,
  defaultClusterRoleBindings,
  defaultClusterRoles,
  defaultRoleBindings,
  defaultRoles,
  type RbacObject,
  type Subject,
} from './policy/default-policy.js';
import { rbacGroup } from './rbac.js';
import { uncoveredRules } from './rule-match.js';

const resourceOf: Record<string, string> = {
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Role: 'roles',
  RoleBinding: 'rolebindings',
};

const sameSubject = (a: Subject, b: Subject) =>
  a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');

/** What the object must become, or undefined when it is complete already. Only adds: what an admin added stays. */
export function reconciled(existing: RbacObject, wanted: RbacObject): RbacObject | undefined {
  if (existing.metadata.annotations?.[autoupdateAnnotation] === 'false') return undefined;
  const out = deepCopy(existing);
  let changed = false;
  for (const part of ['labels', 'annotations'] as const) {
    for (const [k, v] of Object.entries(wanted.metadata[part] ?? {})) {
      if (out.metadata[part]?.[k] !== undefined) continue;
      out.metadata[part] = { ...out.metadata[part], [k]: v };
      changed = true;
    }
  }
  if (wanted.aggregationRule) {
    const have = JSON.stringify(out.aggregationRule?.clusterRoleSelectors ?? []);
    const missing = (wanted.aggregationRule.clusterRoleSelectors ?? []).filter(
      (s) => !have.includes(JSON.stringify(s)),
    );
    if (missing.length > 0) {
      out.aggregationRule = {
        clusterRoleSelectors: [...(out.aggregationRule?.clusterRoleSelectors ?? []), ...missing],
      };
      changed = true;
    }
  } else if (wanted.rules) {
    const missing: PolicyRule[] = uncoveredRules(out.rules ?? [], wanted.rules);
    if (missing.length > 0) {
      out.rules = [...(out.rules ?? []), ...missing];
      changed = true;
    }
  }
  for (const s of wanted.subjects ?? []) {
    if ((out.subjects ?? []).some((x) => sameSubject(x, s))) continue;
    out.subjects = [...(out.subjects ?? []), s];
    changed = true;
  }
  return changed ? out : undefined;
}

async function ensure(objects: ObjectAccess, wanted: RbacObject): Promise<void> {
  const resource: GroupResource = { group: rbacGroup, resource: resourceOf[wanted.kind] ?? '' };
  const namespace = wanted.metadata.namespace ?? '';
  const name = wanted.metadata.name ?? '';
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      const existing = (await objects.get(resource, namespace, name, { consistent: true })) as RbacObject | undefined;
      if (!existing) {
        const fresh = { ...wanted, metadata: { ...wanted.metadata, uid: newUid(), creationTimestamp: nowSecond() } };
        await objects.create(resource, fresh);
        return;
      }
      if (existing.roleRef && existing.roleRef.name !== wanted.roleRef?.name) {
        // A roleRef can't be changed: a binding to another role is replaced, as kubectl auth reconcile does.
        await objects.delete(resource, namespace, name);
        continue;
      }
      const now = reconciled(existing, wanted);
      if (now) await objects.update(resource, now);
      return;
    } catch (err) {
      // Another API server works at the same list: look again.
      if (!isConflict(err) && !isAlreadyExists(err) && !isNotFound(err)) throw err;
    }
  }
  throw new Error(`could not reconcile ${wanted.kind} ${name}: it keeps changing`);
}

/**
 * Creates the default roles and bindings that are missing and completes those that lost something, unless they are
 * annotated `rbac.authorization.kubernetes.io/autoupdate: "false"`. The namespaces kube-system and kube-public must exist.
 */
export async function reconcileDefaultPolicy(objects: ObjectAccess): Promise<void> {
  const wanted = [
    ...defaultClusterRoles(),
    ...defaultClusterRoleBindings(),
    ...defaultRoles(),
    ...defaultRoleBindings(),
  ];
  // A few at a time: quick at the first start, gentle on etcd.
  const queue = [...wanted];
  const workers = Array.from({ length: 16 }, async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await ensure(objects, next);
  });
  await Promise.all(workers);
}
