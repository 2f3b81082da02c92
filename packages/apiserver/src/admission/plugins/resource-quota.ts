import { deepCopy, type GroupResource, isConflict, type KubeObject, Quantity } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../../object-access.js';
import { admissionForbidden } from '../errors.js';
import { only, podSpec } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';
import { inScope, missingConstraints, type Quota, type Usage, usageOf } from '../quota-usage.js';

const quotas = { group: '', resource: 'resourcequotas' };
/** These subresources' requests change nothing that is counted. */
const countedUpdates = new Set(['/pods', '/persistentvolumeclaims', '/services']);

const format = (u: Usage) =>
  [...u]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, q]) => `${k}=${q}`)
    .join(',');

/**
 * Holds a namespace to its quotas. The usage is charged to the quota's status by compare-and-swap before the object is
 * stored, so that requests to several API servers can't pass together; the quota controller corrects what was charged
 * and then not stored.
 */
export class ResourceQuotaPlugin implements AdmissionPlugin {
  readonly name = 'ResourceQuota';
  readonly handles = only('CREATE', 'UPDATE');
  /** Charges of a namespace one after the other: fewer conflicts. */
  private readonly queues = new Map<string, Promise<void>>();

  constructor(private readonly objects: ObjectAccess) {}

  validate(a: AdmissionAttributes): void | Promise<void> {
    if (!a.object || a.namespace === '' || a.resource.resource === 'resourcequotas') return;
    const resized = a.resource.group === '' && a.resource.resource === 'pods' && a.subresource === 'resize';
    if (a.subresource !== '' && !resized) return;
    if (a.operation === 'UPDATE' && !countedUpdates.has(`${a.resource.group}/${a.resource.resource}`)) return;
    return this.check(a);
  }

  private async check(a: AdmissionAttributes): Promise<void> {
    const all = (await this.objects.list(quotas, a.namespace)) as Quota[];
    if (all.length === 0) return;
    const before = this.queues.get(a.namespace) ?? Promise.resolve();
    const mine = before.then(() => this.charge(a));
    const settled = mine.catch(() => undefined);
    this.queues.set(a.namespace, settled);
    try {
      await mine;
    } finally {
      if (this.queues.get(a.namespace) === settled) this.queues.delete(a.namespace);
    }
  }

  private async charge(a: AdmissionAttributes): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const all = (await this.objects.list(quotas, a.namespace, { consistent: true })) as Quota[];
      // All are asked before one is charged.
      const charges = all.map((q) => chargeOf(a, q)).filter((c) => c !== undefined);
      if (a.dryRun) return;
      try {
        for (const c of charges) await this.objects.update(quotas, c);
        return;
      } catch (err) {
        if (!isConflict(err) || attempt >= 10) throw err;
      }
    }
  }
}

/** The quota with the request charged; undefined when it is not concerned. @throws StatusError Forbidden */
function chargeOf(a: AdmissionAttributes, quota: Quota): Quota | undefined {
  const hard = quota.status?.hard ?? {};
  const r: GroupResource = { group: a.resource.group, resource: a.resource.resource };
  const obj = a.object as KubeObject;
  const usage = usageOf(r, obj);
  const name = quota.metadata.name ?? '';
  const isPod = r.group === '' && r.resource === 'pods';
  const concerned = Object.keys(hard).some(
    (k) => usage.has(k) || (isPod && /^(requests\.|limits\.)?(cpu|memory)$/.test(k)),
  );
  if (!concerned || !inScope(quota, r, obj)) return undefined;
  if (isPod && a.operation === 'CREATE') {
    const missing = missingConstraints(new Set(Object.keys(hard)), podSpec(obj));
    if (missing) throw admissionForbidden(a, `failed quota: ${name}: ${missing}`);
  }
  const old =
    a.operation === 'UPDATE' && a.oldObject && inScope(quota, r, a.oldObject)
      ? usageOf(r, a.oldObject)
      : new Map<string, Quantity>();
  const requested: Usage = new Map();
  const used: Usage = new Map();
  const limited: Usage = new Map();
  const next: Record<string, string> = { ...quota.status?.used };
  let changed = false;
  for (const [k, limit] of Object.entries(hard)) {
    const delta = (usage.get(k) ?? Quantity.zero).sub(old.get(k) ?? Quantity.zero);
    if (delta.isZero()) continue;
    if (quota.status?.used?.[k] === undefined) {
      throw admissionForbidden(a, `status unknown for quota: ${name}, resources: ${k}`);
    }
    const now = Quantity.parse(quota.status.used[k]);
    const total = now.add(delta);
    if (delta.sign() > 0 && total.cmp(Quantity.parse(limit)) > 0) {
      requested.set(k, delta);
      used.set(k, now);
      limited.set(k, Quantity.parse(limit));
    }
    next[k] = total.toString();
    // Less usage needs no charge: the controller finds it.
    if (delta.sign() > 0) changed = true;
  }
  if (requested.size > 0) {
    throw admissionForbidden(
      a,
      `exceeded quota: ${name}, requested: ${format(requested)}, used: ${format(used)}, limited: ${format(limited)}`,
    );
  }
  if (!changed) return undefined;
  const out = deepCopy(quota);
  out.status = { ...out.status, used: next };
  return out;
}
