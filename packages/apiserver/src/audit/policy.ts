import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { UserInfo } from '../authentication/index.js';
import type { RequestInfo } from '../request-info.js';

export type AuditLevel = 'None' | 'Metadata' | 'Request' | 'RequestResponse';
export type AuditStage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic';

interface GroupResources {
  group?: string;
  resources?: string[];
  resourceNames?: string[];
}

interface PolicyRule {
  level: AuditLevel;
  users?: string[];
  userGroups?: string[];
  verbs?: string[];
  resources?: GroupResources[];
  namespaces?: string[];
  nonResourceURLs?: string[];
  omitStages?: AuditStage[];
  omitManagedFields?: boolean;
}

/** What is to be recorded of one request. */
export interface AuditDecision {
  level: AuditLevel;
  omitStages: ReadonlySet<AuditStage>;
  omitManagedFields: boolean;
}

const levels = ['None', 'Metadata', 'Request', 'RequestResponse'];
const stages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'];
const versions = ['audit.k8s.io/v1', 'audit.k8s.io/v1beta1', 'audit.k8s.io/v1alpha1'];

const nothing: AuditDecision = { level: 'None', omitStages: new Set(), omitManagedFields: false };

/** An audit policy (audit.k8s.io/v1 Policy): the first rule that matches a request decides. */
export class AuditPolicy {
  private readonly rules: { rule: PolicyRule; decision: AuditDecision }[];

  private constructor(raw: { rules: PolicyRule[]; omitStages?: AuditStage[]; omitManagedFields?: boolean }) {
    this.rules = raw.rules.map((rule) => ({
      rule,
      decision: {
        level: rule.level,
        omitStages: new Set([...(raw.omitStages ?? []), ...(rule.omitStages ?? [])]),
        omitManagedFields: rule.omitManagedFields ?? raw.omitManagedFields ?? false,
      },
    }));
  }

  /** @throws Error saying what is wrong with the file */
  static fromFile(path: string): AuditPolicy {
    return AuditPolicy.parse(readFileSync(path, 'utf8'), path);
  }

  static parse(text: string, where: string): AuditPolicy {
    const raw: unknown = parse(text);
    const fail = (what: string) => new Error(`audit policy ${where}: ${what}`);
    if (typeof raw !== 'object' || raw === null) throw fail('is no object');
    const policy = raw as { apiVersion?: string; kind?: string; rules?: PolicyRule[]; omitStages?: AuditStage[] };
    if (policy.kind !== 'Policy' || !versions.includes(policy.apiVersion ?? '')) {
      throw fail(`must be a Policy of ${versions[0]}`);
    }
    if (!Array.isArray(policy.rules) || policy.rules.length === 0) throw fail('loaded illegal policy with 0 rules');
    for (const [i, rule] of policy.rules.entries()) {
      if (!levels.includes(rule?.level))
        throw fail(`rules[${i}].level: Unsupported value ${JSON.stringify(rule?.level)}`);
      if (rule.nonResourceURLs && (rule.resources || rule.namespaces)) {
        throw fail(`rules[${i}]: rules cannot apply to both regular resources and non-resource URLs`);
      }
      checkStages(rule.omitStages, (what) => fail(`rules[${i}].omitStages: ${what}`));
    }
    checkStages(policy.omitStages, (what) => fail(`omitStages: ${what}`));
    return new AuditPolicy({ ...policy, rules: policy.rules });
  }

  decide(user: UserInfo | undefined, info: RequestInfo): AuditDecision {
    for (const { rule, decision } of this.rules) {
      if (matches(rule, user, info)) return decision;
    }
    return nothing;
  }
}

function checkStages(list: AuditStage[] | undefined, fail: (what: string) => Error): void {
  for (const stage of list ?? []) {
    if (!stages.includes(stage)) throw fail(`Invalid value ${JSON.stringify(stage)}`);
  }
}

const present = (list: unknown[] | undefined): list is unknown[] => list !== undefined && list.length > 0;

function matches(rule: PolicyRule, user: UserInfo | undefined, info: RequestInfo): boolean {
  if (present(rule.users) && !rule.users.includes(user?.name ?? '')) return false;
  if (present(rule.userGroups) && !(user?.groups ?? []).some((g) => rule.userGroups?.includes(g))) return false;
  if (present(rule.verbs) && !rule.verbs.includes(info.verb) && !rule.verbs.includes('*')) return false;
  if (present(rule.namespaces) || present(rule.resources)) return info.isResourceRequest && resourceMatches(rule, info);
  if (present(rule.nonResourceURLs)) {
    return !info.isResourceRequest && rule.nonResourceURLs.some((url) => pathMatches(url, info.path));
  }
  return true;
}

function pathMatches(url: string, path: string): boolean {
  return url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)));
}

function resourceMatches(rule: PolicyRule, info: RequestInfo): boolean {
  if (present(rule.namespaces) && !rule.namespaces.includes(info.namespace)) return false;
  if (!present(rule.resources)) return true;
  const combined = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  return rule.resources.some((gr) => {
    if ((gr.group ?? '') !== info.apiGroup) return false;
    if (!present(gr.resources)) return true;
    if (present(gr.resourceNames) && !gr.resourceNames.includes(info.name)) return false;
    return gr.resources.some(
      (r) =>
        r === '*' ||
        r === combined ||
        (r.startsWith('*/') && info.subresource !== '' && r.slice(2) === info.subresource) ||
        (r.endsWith('/*') && r.slice(0, -2) === info.resource),
    );
  });
}
