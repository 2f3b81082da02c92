import type { V1Container, V1PodSpec } from '@kubelab/api';
import { aggregateMessage, type KubeObject, Quantity } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../../object-access.js';
import { admissionForbidden } from '../errors.js';
import { isCore, isMirrorPod, only, podSpec } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';
import { podTotals } from '../pod-resources.js';

type Resources = Record<string, string>;

interface LimitItem {
  type: string;
  max?: Resources;
  min?: Resources;
  default?: Resources;
  defaultRequest?: Resources;
  maxLimitRequestRatio?: Resources;
}

/** Gives containers the namespace's default requests and limits, and holds pods and claims to its bounds. */
export class LimitRanger implements AdmissionPlugin {
  readonly name = 'LimitRanger';
  readonly handles = only('CREATE', 'UPDATE');

  constructor(private readonly objects: ObjectAccess) {}

  async mutate(a: AdmissionAttributes): Promise<void> {
    if (!a.object || a.operation !== 'CREATE' || !isCore(a, 'pods') || isMirrorPod(a.object)) return;
    for (const range of await this.ranges(a.namespace)) applyDefaults(a.object, itemsOf(range));
  }

  async validate(a: AdmissionAttributes): Promise<void> {
    if (!a.object) return;
    const isPod = isCore(a, 'pods') || isCore(a, 'pods', 'resize');
    const isClaim = isCore(a, 'persistentvolumeclaims');
    // A pod's requests change by resize only, a claim's by update.
    if (!isPod && !isClaim) return;
    if (isPod && a.operation === 'UPDATE' && a.subresource !== 'resize') return;
    if (isPod && isMirrorPod(a.object)) return;
    for (const range of await this.ranges(a.namespace)) {
      const errors = isPod ? podErrors(podSpec(a.object), itemsOf(range)) : claimErrors(a.object, itemsOf(range));
      if (errors.length > 0) throw admissionForbidden(a, aggregateMessage(errors));
    }
  }

  private ranges(namespace: string): Promise<KubeObject[]> {
    return this.objects.list({ group: '', resource: 'limitranges' }, namespace);
  }
}

const itemsOf = (range: KubeObject): LimitItem[] => (range.spec as { limits?: LimitItem[] } | undefined)?.limits ?? [];

function applyDefaults(pod: KubeObject, items: LimitItem[]): void {
  const limits: Resources = {};
  const requests: Resources = {};
  for (const i of items.filter((x) => x.type === 'Container')) {
    for (const [k, v] of Object.entries(i.default ?? {})) limits[k] ??= v;
    for (const [k, v] of Object.entries(i.defaultRequest ?? {})) requests[k] ??= v;
  }
  const spec = podSpec(pod);
  const notes = [
    ...(spec.containers ?? []).map((c) => fill(c, limits, requests, 'container')),
    ...(spec.initContainers ?? []).map((c) => fill(c, limits, requests, 'init container')),
  ].flat();
  if (notes.length > 0) {
    pod.metadata.annotations = {
      ...pod.metadata.annotations,
      'kubernetes.io/limit-ranger': `LimitRanger plugin set: ${notes.join('; ')}`,
    };
  }
}

function fill(c: V1Container, limits: Resources, requests: Resources, what: string): string[] {
  const notes: string[] = [];
  const put = (kind: 'requests' | 'limits', defaults: Resources, note: string) => {
    const missing = Object.keys(defaults)
      .filter((k) => c.resources?.[kind]?.[k] === undefined)
      .sort();
    if (missing.length === 0) return;
    c.resources = { ...c.resources, [kind]: { ...c.resources?.[kind] } };
    for (const k of missing) (c.resources[kind] as Resources)[k] = defaults[k] as string;
    notes.push(`${missing.join(', ')} ${note} for ${what} ${c.name}`);
  };
  put('requests', requests, 'request');
  put('limits', limits, 'limit');
  return notes;
}

const parse = (r: Resources | undefined, k: string) => (r?.[k] === undefined ? undefined : Quantity.parse(r[k]));

/** What one thing (container, pod, claim) breaks of one item. */
function check(item: LimitItem, requests: Resources | undefined, limits: Resources | undefined): string[] {
  const out: string[] = [];
  for (const [k, v] of Object.entries(item.min ?? {}).sort()) {
    const min = Quantity.parse(v);
    const request = parse(requests, k);
    const limit = parse(limits, k);
    const head = `minimum ${k} usage per ${item.type} is ${v}`;
    if (!request) out.push(`${head}.  No request is specified`);
    else if (request.cmp(min) < 0) out.push(`${head}, but request is ${request}`);
    else if (limit && limit.cmp(min) < 0) out.push(`${head}, but limit is ${limit}`);
  }
  for (const [k, v] of Object.entries(item.max ?? {}).sort()) {
    const max = Quantity.parse(v);
    const request = parse(requests, k);
    const limit = parse(limits, k);
    const head = `maximum ${k} usage per ${item.type} is ${v}`;
    // A claim has no limits: its request counts.
    if (item.type === 'PersistentVolumeClaim') {
      if (request && request.cmp(max) > 0) out.push(`${head}, but request is ${request}`);
    } else if (!limit) out.push(`${head}.  No limit is specified`);
    else if (limit.cmp(max) > 0) out.push(`${head}, but limit is ${limit}`);
    else if (request && request.cmp(max) > 0) out.push(`${head}, but request is ${request}`);
  }
  for (const [k, v] of Object.entries(item.maxLimitRequestRatio ?? {}).sort()) {
    const head = `${k} max limit to request ratio per ${item.type} is ${v}`;
    const request = parse(requests, k);
    const limit = parse(limits, k);
    if (!request || request.isZero()) out.push(`${head}, but no request is specified or request is 0`);
    else if (!limit || limit.isZero()) out.push(`${head}, but no limit is specified or limit is 0`);
    else {
      const ratio = limit.asNumber() / request.asNumber();
      if (ratio > Quantity.parse(v).asNumber()) out.push(`${head}, but provided ratio is ${ratio.toFixed(6)}`);
    }
  }
  return out;
}

function podErrors(spec: V1PodSpec, items: LimitItem[]): string[] {
  const out: string[] = [];
  for (const item of items) {
    if (item.type === 'Container') {
      for (const c of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
        out.push(...check(item, c.resources?.requests, c.resources?.limits));
      }
    } else if (item.type === 'Pod') {
      const text = (m: Map<string, Quantity>) => Object.fromEntries([...m].map(([k, q]) => [k, q.toString()]));
      out.push(...check(item, text(podTotals(spec, 'requests')), text(podTotals(spec, 'limits'))));
    }
  }
  return out;
}

function claimErrors(claim: KubeObject, items: LimitItem[]): string[] {
  const requests = (claim.spec as { resources?: { requests?: Resources } } | undefined)?.resources?.requests;
  return items.filter((i) => i.type === 'PersistentVolumeClaim').flatMap((i) => check(i, requests, undefined));
}
