import type {
  FlowcontrolV1Subject,
  V1FlowSchemaSpec,
  V1NonResourcePolicyRule,
  V1PolicyRulesWithSubjects,
  V1ResourcePolicyRule,
} from '@kubelab/api';
import type { UserInfo } from '../authentication/index.js';
import type { RequestInfo } from '../request-info.js';

const hasOrStar = (list: string[] | undefined, value: string) =>
  list !== undefined && (list.includes(value) || list.includes('*'));

/** Whether a subject of a flow schema is this user (flowcontrol's subject rules: `*` matches any user or group). */
export function subjectMatches(subject: FlowcontrolV1Subject, user: UserInfo): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.user !== undefined && (subject.user.name === '*' || subject.user.name === user.name);
    case 'Group':
      return subject.group !== undefined && (subject.group.name === '*' || user.groups.includes(subject.group.name));
    case 'ServiceAccount': {
      const account = subject.serviceAccount;
      if (!account) return false;
      const prefix = `system:serviceaccount:${account.namespace}:`;
      return account.name === '*' ? user.name.startsWith(prefix) : user.name === prefix + account.name;
    }
    default:
      return false;
  }
}

function resourceRuleMatches(rule: V1ResourcePolicyRule, info: RequestInfo): boolean {
  if (!hasOrStar(rule.verbs, info.verb) || !hasOrStar(rule.apiGroups, info.apiGroup)) return false;
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  if (!hasOrStar(rule.resources, resource)) return false;
  return info.namespace === '' ? rule.clusterScope === true : hasOrStar(rule.namespaces, info.namespace);
}

function pathRuleMatches(rule: V1NonResourcePolicyRule, info: RequestInfo): boolean {
  if (!hasOrStar(rule.verbs, info.verb)) return false;
  return rule.nonResourceURLs.some(
    (url) => url === '*' || url === info.path || (url.endsWith('/*') && info.path.startsWith(url.slice(0, -1))),
  );
}

function requestMatches(rules: V1PolicyRulesWithSubjects, info: RequestInfo): boolean {
  return info.isResourceRequest
    ? (rules.resourceRules ?? []).some((rule) => resourceRuleMatches(rule, info))
    : (rules.nonResourceRules ?? []).some((rule) => pathRuleMatches(rule, info));
}

/** The rules of a flow schema whose subjects include the user. Users repeat: callers keep the answer. */
export function rulesForUser(spec: V1FlowSchemaSpec, user: UserInfo): V1PolicyRulesWithSubjects[] {
  return (spec.rules ?? []).filter((rules) => (rules.subjects ?? []).some((subject) => subjectMatches(subject, user)));
}

/** Whether one of the rules (already chosen by user) covers the request. */
export function anyRuleMatches(rules: V1PolicyRulesWithSubjects[], info: RequestInfo): boolean {
  for (const rule of rules) {
    if (requestMatches(rule, info)) return true;
  }
  return false;
}

/** What tells the flows of one flow schema apart. */
export function distinguisher(spec: V1FlowSchemaSpec, user: UserInfo, info: RequestInfo): string {
  switch (spec.distinguisherMethod?.type) {
    case 'ByUser':
      return user.name;
    case 'ByNamespace':
      return info.namespace;
    default:
      return '';
  }
}
