import type { KubeObject } from '@kubelab/apimachinery';
import type { UserInfo } from '../authentication/authenticator.js';
import type { ObjectAccess } from '../object-access.js';
import type {
  AuthorizationAttributes,
  AuthorizationResult,
  Authorizer,
  PolicyRule,
  RuleResolver,
  UserRules,
} from './authorizer.js';
import type { RbacObject, Subject } from './policy/default-policy.js';
import { ruleAllows } from './rule-match.js';

export const rbacGroup = 'rbac.authorization.k8s.io';
const serviceAccountPrefix = 'system:serviceaccount:';

interface Grant {
  binding: RbacObject;
  subject: Subject;
  rules: PolicyRule[];
}

/**
 * RBAC over roles and bindings kept in memory by watches. Bindings are indexed by subject, so a request looks only at
 * the bindings of its own user and groups.
 */
export class RbacAuthorizer implements Authorizer, RuleResolver {
  private readonly clusterRoles = new Map<string, RbacObject>();
  private readonly roles = new Map<string, RbacObject>();
  /** By scope (namespace, or empty for cluster bindings), then by subject key, then binding name. */
  private readonly bindings = new Map<string, Map<string, Map<string, { binding: RbacObject; subject: Subject }>>>();

  /** Loads roles and bindings and follows their changes. Resolves when all existing ones are known. */
  async start(objects: ObjectAccess): Promise<() => void> {
    const of = (resource: string) => ({ group: rbacGroup, resource });
    const stops = await Promise.all([
      objects.observe(of('clusterroles'), {
        added: (o) => this.setRole(o as RbacObject),
        updated: (_old, o) => this.setRole(o as RbacObject),
        deleted: (o) => this.clusterRoles.delete(o.metadata.name ?? ''),
      }),
      objects.observe(of('roles'), {
        added: (o) => this.setRole(o as RbacObject),
        updated: (_old, o) => this.setRole(o as RbacObject),
        deleted: (o) => this.roles.delete(`${o.metadata.namespace}/${o.metadata.name}`),
      }),
      ...['clusterrolebindings', 'rolebindings'].map((r) =>
        objects.observe(of(r), {
          added: (o) => this.setBinding(undefined, o as RbacObject),
          updated: (old, o) => this.setBinding(old as RbacObject | undefined, o as RbacObject),
          deleted: (o) => this.setBinding(o as RbacObject, undefined),
        }),
      ),
    ]);
    return () => {
      for (const stop of stops) stop();
    };
  }

  setRole(o: RbacObject): void {
    if (o.kind === 'ClusterRole') this.clusterRoles.set(o.metadata.name ?? '', o);
    else this.roles.set(`${o.metadata.namespace}/${o.metadata.name}`, o);
  }

  setBinding(old: RbacObject | undefined, now: RbacObject | undefined): void {
    const scope = (old ?? now)?.metadata.namespace ?? '';
    const name = (old ?? now)?.metadata.name ?? '';
    let bySubject = this.bindings.get(scope);
    if (!bySubject) {
      bySubject = new Map();
      this.bindings.set(scope, bySubject);
    }
    for (const s of old?.subjects ?? []) {
      const key = subjectKey(s, scope);
      const byName = bySubject.get(key);
      byName?.delete(name);
      if (byName?.size === 0) bySubject.delete(key);
    }
    for (const subject of now?.subjects ?? []) {
      const key = subjectKey(subject, scope);
      let byName = bySubject.get(key);
      if (!byName) {
        byName = new Map();
        bySubject.set(key, byName);
      }
      byName.set(name, { binding: now as RbacObject, subject });
    }
    if (bySubject.size === 0) this.bindings.delete(scope);
  }

  authorize(a: AuthorizationAttributes): AuthorizationResult {
    const errors: string[] = [];
    for (const g of this.grants(a.user, a.resourceRequest ? a.namespace : '', errors)) {
      for (const rule of g.rules) {
        if (ruleAllows(rule, a)) return { decision: 'allow', reason: `RBAC: allowed by ${describe(g)}` };
      }
    }
    return errors.length === 0 ? noOpinion : { decision: 'noOpinion', reason: `RBAC: ${errors.join(', ')}` };
  }

  /** The rules that a user has in a namespace, the cluster's included. */
  rulesFor(user: UserInfo, namespace: string): UserRules {
    const errors: string[] = [];
    const rules: PolicyRule[] = [];
    for (const g of this.grants(user, namespace, errors)) rules.push(...g.rules);
    return {
      rules,
      incomplete: errors.length > 0,
      ...(errors.length > 0 ? { evaluationError: errors.join(', ') } : {}),
    };
  }

  /** The rules of a role, undefined when it does not exist. */
  rulesOfRole(ref: { kind: string; name: string }, namespace: string): PolicyRule[] | undefined {
    const role =
      ref.kind === 'ClusterRole' ? this.clusterRoles.get(ref.name) : this.roles.get(`${namespace}/${ref.name}`);
    return role ? (role.rules ?? []) : undefined;
  }

  private *grants(user: UserInfo, namespace: string, errors: string[]): Generator<Grant> {
    const keys = userKeys(user);
    for (const scope of namespace === '' ? [''] : ['', namespace]) {
      const bySubject = this.bindings.get(scope);
      if (!bySubject) continue;
      for (const key of keys) {
        for (const { binding, subject } of bySubject.get(key)?.values() ?? []) {
          if (!binding.roleRef) continue;
          const rules = this.rulesOfRole(binding.roleRef, scope);
          if (rules) yield { binding, subject, rules };
          else errors.push(missingRole(binding.roleRef));
        }
      }
    }
  }
}

const noOpinion: AuthorizationResult = Object.freeze({ decision: 'noOpinion', reason: '' });

function missingRole(ref: { kind: string; name: string }): string {
  const resource = ref.kind === 'ClusterRole' ? 'clusterrole' : 'role';
  return `${resource}.${rbacGroup} ${JSON.stringify(ref.name)} not found`;
}

function subjectKey(s: Subject, scope: string): string {
  if (s.kind === 'ServiceAccount') return `u:${serviceAccountPrefix}${s.namespace || scope}:${s.name}`;
  return s.kind === 'Group' ? `g:${s.name}` : `u:${s.name}`;
}

const keyCache = new WeakMap<UserInfo, string[]>();

function userKeys(user: UserInfo): string[] {
  let keys = keyCache.get(user);
  if (!keys) {
    keys = [`u:${user.name}`, ...user.groups.map((g) => `g:${g}`)];
    keyCache.set(user, keys);
  }
  return keys;
}

function describe(g: Grant): string {
  const b = g.binding;
  const name = b.metadata.namespace ? `${b.metadata.name}/${b.metadata.namespace}` : (b.metadata.name ?? '');
  const who =
    g.subject.kind === 'ServiceAccount'
      ? `ServiceAccount ${JSON.stringify(`${g.subject.name}/${g.subject.namespace ?? ''}`)}`
      : `${g.subject.kind} ${JSON.stringify(g.subject.name)}`;
  return `${b.kind} ${JSON.stringify(name)} of ${b.roleRef?.kind} ${JSON.stringify(b.roleRef?.name ?? '')} to ${who}`;
}

/** Whether an object is one of RBAC's. */
export const isRbacObject = (o: KubeObject): o is RbacObject => o.apiVersion.startsWith(`${rbacGroup}/`);
