import { type KubeObject, type LabelSelector, labelSelectorAsSelector } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../object-access.js';
import type { AdmissionAttributes } from './plugin.js';

/** RuleWithOperations of admissionregistration.k8s.io. */
export interface AdmissionRule {
  operations?: string[];
  apiGroups?: string[];
  apiVersions?: string[];
  resources?: string[];
  scope?: string;
  resourceNames?: string[];
}

const hasOrStar = (list: string[] | undefined, v: string) => (list ?? []).some((x) => x === '*' || x === v);

function resourceMatches(rule: AdmissionRule, resource: string, subresource: string): boolean {
  return (rule.resources ?? []).some((text) => {
    const [res = '', sub = ''] = text.split('/');
    return (res === '*' || res === resource) && (sub === '*' || sub === subresource);
  });
}

/**
 * Whether a rule takes in a request. With `equivalent`, another version of the same resource counts as well.
 */
export function ruleMatches(rule: AdmissionRule, a: AdmissionAttributes, equivalent: boolean): boolean {
  if (!hasOrStar(rule.operations, a.operation)) return false;
  if (!hasOrStar(rule.apiGroups, a.resource.group)) return false;
  if (!equivalent && !hasOrStar(rule.apiVersions, a.resource.version)) return false;
  if (!resourceMatches(rule, a.resource.resource, a.subresource)) return false;
  if ((rule.resourceNames ?? []).length > 0 && !rule.resourceNames?.includes(a.name)) return false;
  const isNamespace = a.resource.group === '' && a.resource.resource === 'namespaces';
  const namespaced = a.namespace !== '' && !isNamespace;
  return (rule.scope ?? '*') === '*' || (rule.scope === 'Namespaced') === namespaced;
}

/** The version that a matched rule wants the object in: the request's where it may be. */
export function versionFor(rule: AdmissionRule, a: AdmissionAttributes): string {
  if (hasOrStar(rule.apiVersions, a.resource.version)) return a.resource.version;
  return rule.apiVersions?.[0] ?? a.resource.version;
}

const exempt = new Set([
  'mutatingwebhookconfigurations',
  'validatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
]);

/** The configuration of admission itself is never subject to it: a bad webhook can always be removed. */
export const isExempt = (a: AdmissionAttributes): boolean =>
  a.resource.group === 'admissionregistration.k8s.io' && exempt.has(a.resource.resource);

const isEmpty = (s: LabelSelector | undefined) =>
  !s || (Object.keys(s.matchLabels ?? {}).length === 0 && (s.matchExpressions ?? []).length === 0);

/** Whether the request's namespace (or the namespace object itself) fits; what has no namespace always does. */
export async function namespaceMatches(
  selector: LabelSelector | undefined,
  a: AdmissionAttributes,
  objects: ObjectAccess,
): Promise<boolean> {
  if (isEmpty(selector)) return true;
  const isNamespace = a.resource.group === '' && a.resource.resource === 'namespaces';
  if (isNamespace && a.object && a.operation !== 'DELETE')
    return labelSelectorAsSelector(selector).matches(a.object.metadata.labels);
  const name = isNamespace ? a.name : a.namespace;
  if (name === '') return true;
  const namespace = await objects.get({ group: '', resource: 'namespaces' }, '', name);
  return labelSelectorAsSelector(selector).matches(namespace?.metadata.labels);
}

/** Whether the object before or after the request has the labels. */
export function objectMatches(selector: LabelSelector | undefined, a: AdmissionAttributes): boolean {
  if (isEmpty(selector)) return true;
  const s = labelSelectorAsSelector(selector);
  const fits = (o: KubeObject | undefined) => o?.metadata !== undefined && s.matches(o.metadata.labels);
  return fits(a.object) || fits(a.oldObject);
}
