import type { AuthorizationAttributes, PolicyRule } from './authorizer.js';

const hasOrStar = (list: string[] | undefined, value: string) =>
  list !== undefined && (list.includes(value) || list.includes('*'));

function resourceMatches(rule: PolicyRule, combined: string, subresource: string): boolean {
  for (const r of rule.resources ?? []) {
    if (r === '*' || r === combined) return true;
    if (subresource !== '' && r === `*/${subresource}`) return true;
  }
  return false;
}

function nonResourceMatches(rule: PolicyRule, path: string): boolean {
  for (const u of rule.nonResourceURLs ?? []) {
    if (u === '*' || u === path) return true;
    if (u.endsWith('*') && path.startsWith(u.slice(0, -1))) return true;
  }
  return false;
}

/** Whether a rule allows what the attributes ask for. */
export function ruleAllows(rule: PolicyRule, a: AuthorizationAttributes): boolean {
  if (!hasOrStar(rule.verbs, a.verb)) return false;
  if (!a.resourceRequest) return nonResourceMatches(rule, a.path);
  if (!hasOrStar(rule.apiGroups, a.apiGroup)) return false;
  const combined = a.subresource === '' ? a.resource : `${a.resource}/${a.subresource}`;
  if (!resourceMatches(rule, combined, a.subresource)) return false;
  return !rule.resourceNames || rule.resourceNames.length === 0 || rule.resourceNames.includes(a.name);
}

/** One rule split into rules of one verb, group, resource (and name) each, so that covering can be checked. */
function breakdown(rule: PolicyRule): PolicyRule[] {
  const out: PolicyRule[] = [];
  for (const verb of rule.verbs ?? []) {
    for (const url of rule.nonResourceURLs ?? []) out.push({ verbs: [verb], nonResourceURLs: [url] });
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const names = rule.resourceNames ?? [];
        if (names.length === 0) out.push({ verbs: [verb], apiGroups: [group], resources: [resource] });
        for (const n of names)
          out.push({ verbs: [verb], apiGroups: [group], resources: [resource], resourceNames: [n] });
      }
    }
  }
  return out;
}

function covers(owner: PolicyRule, sub: PolicyRule): boolean {
  if (!hasOrStar(owner.verbs, sub.verbs[0] ?? '')) return false;
  const url = sub.nonResourceURLs?.[0];
  if (url !== undefined) {
    return (owner.nonResourceURLs ?? []).some(
      (o) => o === '*' || o === url || (o.endsWith('*') && url.startsWith(o.slice(0, -1))),
    );
  }
  if (!hasOrStar(owner.apiGroups, sub.apiGroups?.[0] ?? '')) return false;
  const [resource = '', subresource = ''] = (sub.resources?.[0] ?? '').split('/');
  const combined = sub.resources?.[0] ?? '';
  const sameResource = (owner.resources ?? []).some(
    (r) => r === '*' || r === combined || (subresource !== '' && r === `*/${subresource}` && resource !== ''),
  );
  if (!sameResource) return false;
  const names = owner.resourceNames ?? [];
  if (names.length === 0) return true;
  const name = sub.resourceNames?.[0];
  return name !== undefined && names.includes(name);
}

/** The (broken down) rules among `wanted` that `owned` does not cover; empty when all are. */
export function uncoveredRules(owned: PolicyRule[], wanted: PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakdown).filter((sub) => !owned.some((o) => covers(o, sub)));
}

/** A rule as Kubernetes prints it in escalation errors: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`. */
export function formatRule(r: PolicyRule): string {
  const list = (l: string[]) => `[${l.map((s) => JSON.stringify(s)).join(' ')}]`;
  const parts: string[] = [];
  if (r.nonResourceURLs?.length) parts.push(`NonResourceURLs:${list(r.nonResourceURLs)}`);
  if (r.apiGroups?.length) parts.push(`APIGroups:${list(r.apiGroups)}`);
  if (r.resources?.length) parts.push(`Resources:${list(r.resources)}`);
  if (r.resourceNames?.length) parts.push(`ResourceNames:${list(r.resourceNames)}`);
  if (r.verbs?.length) parts.push(`Verbs:${list(r.verbs)}`);
  return `{${parts.join(', ')}}`;
}

/** Joins broken down rules that differ in one list only, for shorter messages. */
export function compactRules(rules: PolicyRule[]): PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  for (const r of rules) {
    const key = JSON.stringify([r.nonResourceURLs, r.apiGroups, r.resources, r.resourceNames]);
    const known = merged.get(key);
    if (known) known.verbs = [...new Set([...known.verbs, ...r.verbs])];
    else merged.set(key, { ...r, verbs: [...r.verbs] });
  }
  return [...merged.values()];
}
