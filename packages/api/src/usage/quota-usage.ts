import { type GroupResource, type KubeObject, Quantity } from '@kubelab/apimachinery';
import type { V1Pod, V1PodSpec } from '../generated/types.js';
import { podTotals } from './pod-resources.js';

export type Usage = Map<string, Quantity>;

interface ScopeRequirement {
  scopeName: string;
  operator: string;
  values?: string[];
}
export type Quota = KubeObject & {
  spec?: {
    hard?: Record<string, string>;
    scopes?: string[];
    scopeSelector?: { matchExpressions?: ScopeRequirement[] };
  };
  status?: { hard?: Record<string, string>; used?: Record<string, string> };
};

const one = Quantity.fromValue(1);
const oldNames = new Set([
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
]);

const add = (u: Usage, key: string, q: Quantity) => u.set(key, (u.get(key) ?? Quantity.zero).add(q));

/** `count/deployments.apps`, and the old name of the first kinds. */
function countOf(r: GroupResource): Usage {
  const u: Usage = new Map([[`count/${r.group === '' ? r.resource : `${r.resource}.${r.group}`}`, one]]);
  if (r.group === '' && oldNames.has(r.resource)) u.set(r.resource, one);
  return u;
}

const isTerminal = (pod: V1Pod) => pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';

function pastDeletion(pod: V1Pod): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
  return (
    deletionTimestamp !== undefined &&
    Date.parse(String(deletionTimestamp)) + (deletionGracePeriodSeconds ?? 0) * 1000 < Date.now()
  );
}

function podUsage(obj: KubeObject): Usage {
  const pod = obj as unknown as V1Pod;
  const u: Usage = new Map([['count/pods', one]]);
  // A pod that has ended still is an object, and uses nothing else.
  if (isTerminal(pod) || pastDeletion(pod) || !pod.spec) return u;
  u.set('pods', one);
  for (const [k, q] of podTotals(pod.spec, 'requests')) {
    u.set(`requests.${k}`, q);
    if (!k.includes('/')) u.set(k, q);
  }
  for (const [k, q] of podTotals(pod.spec, 'limits'))
    if (['cpu', 'memory', 'ephemeral-storage'].includes(k)) u.set(`limits.${k}`, q);
  return u;
}

function claimUsage(obj: KubeObject): Usage {
  const u = countOf({ group: '', resource: 'persistentvolumeclaims' });
  const spec = (obj.spec ?? {}) as { storageClassName?: string; resources?: { requests?: Record<string, string> } };
  const size = spec.resources?.requests?.storage;
  const q = size === undefined ? undefined : Quantity.parse(size);
  if (q) u.set('requests.storage', q);
  if (spec.storageClassName) {
    const prefix = `${spec.storageClassName}.storageclass.storage.k8s.io/`;
    u.set(`${prefix}persistentvolumeclaims`, one);
    if (q) u.set(`${prefix}requests.storage`, q);
  }
  return u;
}

function serviceUsage(obj: KubeObject): Usage {
  const u = countOf({ group: '', resource: 'services' });
  const spec = (obj.spec ?? {}) as {
    type?: string;
    ports?: { nodePort?: number }[];
    allocateLoadBalancerNodePorts?: boolean;
  };
  const ports = Quantity.fromValue((spec.ports ?? []).length);
  if (spec.type === 'NodePort') add(u, 'services.nodeports', ports);
  if (spec.type === 'LoadBalancer') {
    add(u, 'services.loadbalancers', one);
    if (spec.allocateLoadBalancerNodePorts !== false) add(u, 'services.nodeports', ports);
  }
  return u;
}

/** What an object uses of a quota's resources. */
export function usageOf(r: GroupResource, obj: KubeObject): Usage {
  if (r.group === '') {
    if (r.resource === 'pods') return podUsage(obj);
    if (r.resource === 'persistentvolumeclaims') return claimUsage(obj);
    if (r.resource === 'services') return serviceUsage(obj);
  }
  return countOf(r);
}

function isBestEffort(spec: V1PodSpec): boolean {
  return ![...(spec.containers ?? []), ...(spec.initContainers ?? [])].some(
    (c) => Object.keys(c.resources?.requests ?? {}).length + Object.keys(c.resources?.limits ?? {}).length > 0,
  );
}

function crossesNamespaces(spec: V1PodSpec): boolean {
  const kinds = [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity];
  const terms = kinds.flatMap((k) => [
    ...(k?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(k?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((p) => p.podAffinityTerm),
  ]);
  return terms.some((t) => (t.namespaces ?? []).length > 0 || t.namespaceSelector !== undefined);
}

function matchesScope(spec: V1PodSpec, s: ScopeRequirement): boolean {
  switch (s.scopeName) {
    case 'Terminating':
      return (spec.activeDeadlineSeconds ?? -1) >= 0;
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return isBestEffort(spec);
    case 'NotBestEffort':
      return !isBestEffort(spec);
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(spec);
    case 'PriorityClass': {
      const name = spec.priorityClassName ?? '';
      if (s.operator === 'Exists') return name !== '';
      if (s.operator === 'DoesNotExist') return name === '';
      return (s.values ?? []).includes(name) === (s.operator === 'In');
    }
    default:
      return false;
  }
}

/** Whether a quota's scopes take in the object. */
export function inScope(quota: Quota, r: GroupResource, obj: KubeObject): boolean {
  const scopes: ScopeRequirement[] = [
    ...(quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(quota.spec?.scopeSelector?.matchExpressions ?? []),
  ];
  if (scopes.length === 0) return true;
  // Scopes are about pods: with one, a quota counts nothing else.
  if (r.group !== '' || r.resource !== 'pods') return false;
  const spec = (obj as unknown as V1Pod).spec ?? ({ containers: [] } as V1PodSpec);
  return scopes.every((s) => matchesScope(spec, s));
}

const compute = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];

/** The containers that lack a request or limit which the quota counts: `must specify limits.cpu for: a,b; ...`. */
export function missingConstraints(hard: Set<string>, spec: V1PodSpec): string | undefined {
  const missing = new Map<string, string[]>();
  for (const name of compute.filter((n) => hard.has(n))) {
    const [kind, resource] = name.includes('.') ? name.split('.') : ['requests', name];
    if (spec.resources?.[kind as 'requests' | 'limits']?.[resource ?? ''] !== undefined) continue;
    for (const c of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
      if (c.resources?.[kind as 'requests' | 'limits']?.[resource ?? ''] === undefined) {
        missing.set(name, [...(missing.get(name) ?? []), c.name]);
      }
    }
  }
  if (missing.size === 0) return undefined;
  return `must specify ${[...missing]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, names]) => `${k} for: ${names.sort().join(',')}`)
    .join('; ')}`;
}
