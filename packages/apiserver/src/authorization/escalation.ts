import { field, type KubeObject, newForbidden, newInvalid } from '@kubelab/apimachinery';
import type { UserInfo } from '../authentication/authenticator.js';
import type { Authorizer, PolicyRule, RuleResolver } from './authorizer.js';
import type { RbacObject } from './policy/default-policy.js';
import { type RbacAuthorizer, rbacGroup } from './rbac.js';
import { compactRules, formatRule, uncoveredRules } from './rule-match.js';

const everything: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

const resources: Record<string, string> = {
  Role: 'roles',
  ClusterRole: 'clusterroles',
  RoleBinding: 'rolebindings',
  ClusterRoleBinding: 'clusterrolebindings',
};

/**
 * Refuses roles and bindings that would give away more than their author has (privilege escalation), unless the
 * author has the verb `escalate` on the role, or `bind` on the role that is bound. Called before a create or update
 * of a role or binding is stored.
 */
export class EscalationChecker {
  constructor(
    private readonly authorizer: Authorizer,
    private readonly rules: RuleResolver,
    private readonly rbac: RbacAuthorizer,
  ) {}

  /** @throws StatusError Forbidden; NotFound when a binding names no role and its author may not bind it */
  async check(user: UserInfo, obj: KubeObject, old?: KubeObject): Promise<void> {
    // The one group that may do all by itself, also when RBAC is not filled yet.
    if (user.groups.includes('system:masters')) return;
    const o = obj as RbacObject;
    if (o.kind === 'Role' || o.kind === 'ClusterRole') return this.checkRole(user, o, old as RbacObject | undefined);
    if (o.kind === 'RoleBinding' || o.kind === 'ClusterRoleBinding') {
      return this.checkBinding(user, o, old as RbacObject | undefined);
    }
  }

  private async checkRole(user: UserInfo, role: RbacObject, old: RbacObject | undefined): Promise<void> {
    const sameRules = old && JSON.stringify(old.rules ?? []) === JSON.stringify(role.rules ?? []);
    const sameAggregation =
      old && JSON.stringify(old.aggregationRule ?? null) === JSON.stringify(role.aggregationRule ?? null);
    if (sameRules && sameAggregation) return;
    if (await this.may(user, 'escalate', role.kind, role.metadata.namespace ?? '', role.metadata.name ?? '')) return;
    const namespace = role.metadata.namespace ?? '';
    if (role.aggregationRule && !sameAggregation) await this.confirm(user, role, everything, namespace, true);
    else await this.confirm(user, role, role.rules ?? [], namespace, false);
  }

  private async checkBinding(user: UserInfo, binding: RbacObject, old: RbacObject | undefined): Promise<void> {
    if (
      old &&
      JSON.stringify(old.subjects ?? []) === JSON.stringify(binding.subjects ?? []) &&
      JSON.stringify(old.roleRef) === JSON.stringify(binding.roleRef)
    ) {
      return;
    }
    const ref = binding.roleRef;
    if (!ref) return;
    const namespace = binding.metadata.namespace ?? '';
    if (await this.may(user, 'bind', ref.kind, namespace, ref.name)) return;
    const rules = this.rbac.rulesOfRole(ref, namespace);
    if (!rules) {
      throw newForbidden(
        { group: rbacGroup, resource: resources[binding.kind] ?? '' },
        binding.metadata.name ?? '',
        `${resources[ref.kind]}.${rbacGroup} ${JSON.stringify(ref.name)} not found`,
      );
    }
    await this.confirm(user, binding, rules, namespace, false);
  }

  private async may(user: UserInfo, verb: string, kind: string, namespace: string, name: string): Promise<boolean> {
    const r = await this.authorizer.authorize({
      user,
      verb,
      resourceRequest: true,
      apiGroup: rbacGroup,
      apiVersion: '*',
      resource: resources[kind] ?? '',
      subresource: '',
      namespace,
      name,
      path: '',
    });
    return r.decision === 'allow';
  }

  private async confirm(
    user: UserInfo,
    obj: RbacObject,
    wanted: PolicyRule[],
    namespace: string,
    aggregation: boolean,
  ): Promise<void> {
    const owned = await this.rules.rulesFor(user, namespace);
    const missing = uncoveredRules(owned.rules, wanted);
    if (missing.length === 0) return;
    const gr = { group: rbacGroup, resource: resources[obj.kind] ?? '' };
    const name = obj.metadata.name ?? '';
    if (aggregation) throw newForbidden(gr, name, 'must have cluster-admin privileges to use an aggregationRule');
    const user_ = `user ${JSON.stringify(user.name)} (groups=[${user.groups.map((g) => JSON.stringify(g)).join(' ')}])`;
    const lines = compactRules(missing).map(formatRule).sort().join('\n');
    const unresolved = owned.evaluationError ? `; resolution errors: [${owned.evaluationError}]` : '';
    throw newForbidden(
      gr,
      name,
      `${user_} is attempting to grant RBAC permissions not currently held:\n${lines}${unresolved}`,
    );
  }
}

/** A binding's roleRef never changes. @throws StatusError Invalid */
export function checkRoleRefUnchanged(obj: RbacObject, old: RbacObject): void {
  if (JSON.stringify(obj.roleRef) === JSON.stringify(old.roleRef)) return;
  throw newInvalid({ group: rbacGroup, kind: obj.kind }, obj.metadata.name ?? '', [
    field.invalid('roleRef', obj.roleRef, 'cannot change roleRef'),
  ]);
}
