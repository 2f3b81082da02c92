import type { ResourceTable } from '@kubelab/api';
import { deepCopy, isConflict, isNotFound, type KubeObject, nowSecond } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../object-access.js';
import type { Writer } from '../registry/writer.js';
import type { WebhookPoster } from './conversion-webhook.js';
import { customResourceEntry } from './custom-resource.js';
import {
  type CrdCondition,
  type CrdNames,
  type CustomResourceDefinition,
  cleanupFinalizer,
  crdResource,
  isEstablished,
} from './definition.js';

interface Log {
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
}

/** How often a definition whose objects are being deleted is looked at again. */
const cleanupIntervalMs = 1000;

/**
 * Follows the definitions: accepts their names, marks them established, serves their objects by rows of the table, and
 * deletes the objects of a definition that is being deleted. Every API server does all of it; writes are
 * compare-and-swap and lead to the same state.
 */
export class CustomResourceController {
  /** Rows by definition name. */
  private readonly served = new Map<string, ReturnType<typeof customResourceEntry>>();
  private readonly pending = new Map<string, NodeJS.Timeout>();
  private readonly busy = new Map<string, Promise<void>>();
  private stopped = false;

  constructor(
    private readonly objects: ObjectAccess,
    private readonly table: ResourceTable,
    private readonly writer: Writer,
    private readonly log: Log,
    private readonly poster: WebhookPoster,
  ) {}

  /** Resolves when the established definitions are served. */
  async start(): Promise<() => void> {
    const stop = await this.objects.observe(crdResource, {
      added: (o) => this.changed(o as CustomResourceDefinition),
      updated: (_old, o) => this.changed(o as CustomResourceDefinition),
      deleted: (o) => this.gone(o.metadata.name ?? ''),
    });
    return () => {
      this.stopped = true;
      stop();
      for (const t of this.pending.values()) clearTimeout(t);
    };
  }

  private changed(crd: CustomResourceDefinition): void {
    if (isEstablished(crd)) this.serve(crd);
    this.enqueue(crd.metadata.name ?? '', 0);
  }

  private gone(name: string): void {
    const row = this.served.get(name);
    this.served.delete(name);
    if (row) this.table.remove(row);
  }

  private serve(crd: CustomResourceDefinition): void {
    const name = crd.metadata.name ?? '';
    try {
      const row = customResourceEntry(crd, this.poster);
      const old = this.served.get(name);
      // A status change leaves the row as it is: caches keyed by its parts stay good.
      if (
        old &&
        old.versions[0]?.schemaName === row.versions[0]?.schemaName &&
        old.versions.length === row.versions.length &&
        old.kind === row.kind
      )
        return;
      this.served.set(name, row);
      if (row.versions.length === 0) this.gone(name);
      else this.table.add(row);
    } catch (error) {
      this.log.warn('A custom resource definition can not be served', { name, error });
    }
  }

  private enqueue(name: string, delayMs: number): void {
    if (this.stopped || this.pending.has(name)) return;
    const timer = setTimeout(() => {
      this.pending.delete(name);
      const before = this.busy.get(name) ?? Promise.resolve();
      const now = before
        .then(() => this.reconcile(name))
        .catch((error: unknown) => {
          if (this.stopped || isNotFound(error)) return;
          if (!isConflict(error)) this.log.warn('Reconciling a custom resource definition failed', { name, error });
          this.enqueue(name, isConflict(error) ? 20 : 1000);
        });
      this.busy.set(name, now);
    }, delayMs);
    this.pending.set(name, timer);
  }

  private async reconcile(name: string): Promise<void> {
    const crd = (await this.objects.get(crdResource, '', name, { consistent: true })) as
      | CustomResourceDefinition
      | undefined;
    if (!crd) return;
    if (crd.metadata.deletionTimestamp) {
      await this.cleanUp(crd);
      return;
    }
    const next = deepCopy(crd);
    await this.acceptNames(next);
    if (JSON.stringify(next.status) !== JSON.stringify(crd.status)) await this.objects.update(crdResource, next);
  }

  private async acceptNames(crd: CustomResourceDefinition): Promise<void> {
    const others = ((await this.objects.list(crdResource, '')) as CustomResourceDefinition[]).filter(
      (o) => o.metadata.name !== crd.metadata.name && o.spec.group === crd.spec.group,
    );
    const conflict = nameConflict(crd.spec.names, others);
    const status = crd.status ?? {};
    crd.status = status;
    if (conflict) {
      setCondition(crd, { type: 'NamesAccepted', status: 'False', ...conflict });
      if (!isEstablished(crd)) {
        setCondition(crd, {
          type: 'Established',
          status: 'False',
          reason: 'NotAccepted',
          message: 'not all names are accepted',
        });
      }
      return;
    }
    status.acceptedNames = crd.spec.names;
    setCondition(crd, { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' });
    setCondition(crd, {
      type: 'Established',
      status: 'True',
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
    });
  }

  /** Deletes the objects of a definition; when none is left, lets it go. */
  private async cleanUp(crd: CustomResourceDefinition): Promise<void> {
    const name = crd.metadata.name ?? '';
    if (!crd.metadata.finalizers?.includes(cleanupFinalizer)) return;
    const row = this.served.get(name);
    if (!isTerminating(crd)) {
      const next = deepCopy(crd);
      setCondition(next, {
        type: 'Terminating',
        status: 'True',
        reason: 'InstanceDeletionInProgress',
        message: 'CustomResource deletion is in progress',
      });
      await this.objects.update(crdResource, next);
    }
    const left = row
      ? await this.objects.list({ group: row.group, resource: row.resource }, '', { consistent: true })
      : [];
    if (row) {
      for (const o of left.filter((x) => !x.metadata.deletionTimestamp)) await this.deleteObject(row, o);
    }
    const remaining = row
      ? await this.objects.list({ group: row.group, resource: row.resource }, '', { consistent: true })
      : [];
    if (remaining.length > 0) {
      this.enqueue(name, cleanupIntervalMs);
      return;
    }
    const latest = await this.objects.get(crdResource, '', name, { consistent: true });
    if (!latest) return;
    const next = deepCopy(latest);
    next.metadata.finalizers = (next.metadata.finalizers ?? []).filter((f) => f !== cleanupFinalizer);
    if (next.metadata.finalizers.length === 0) await this.objects.delete(crdResource, '', name);
    else await this.objects.update(crdResource, next);
    this.log.info('A custom resource definition is deleted', { name });
  }

  private async deleteObject(row: ReturnType<typeof customResourceEntry>, o: KubeObject): Promise<void> {
    try {
      await this.writer.delete(row, {
        namespace: o.metadata.namespace ?? '',
        name: o.metadata.name ?? '',
        options: { dryRun: false, propagationPolicy: 'Background' },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

const isTerminating = (crd: CustomResourceDefinition) =>
  (crd.status?.conditions ?? []).some((c) => c.type === 'Terminating' && c.status === 'True');

function setCondition(crd: CustomResourceDefinition, c: CrdCondition): void {
  const status = crd.status ?? {};
  crd.status = status;
  const list = status.conditions ?? [];
  const old = list.find((x) => x.type === c.type);
  const lastTransitionTime = old?.status === c.status ? (old.lastTransitionTime ?? nowSecond()) : nowSecond();
  const next = { lastTransitionTime, message: c.message, reason: c.reason, status: c.status, type: c.type };
  status.conditions = old ? list.map((x) => (x === old ? next : x)) : [...list, next];
}

/** The first name that another definition of the group has already. */
function nameConflict(
  names: CrdNames,
  others: CustomResourceDefinition[],
): { reason: string; message: string } | undefined {
  const accepted = others.map((o) => o.status?.acceptedNames).filter((n) => n !== undefined);
  const resources = new Set(accepted.flatMap((n) => [n.plural, n.singular, ...(n.shortNames ?? [])].filter((x) => x)));
  const kinds = new Set(accepted.flatMap((n) => [n.kind, n.listKind].filter((x) => x)));
  const taken = (value: string | undefined, set: Set<string | undefined>) =>
    value !== undefined && value !== '' && set.has(value);
  const inUse = (v: string) => `${JSON.stringify(v)} is already in use`;
  if (taken(names.plural, resources)) return { reason: 'PluralConflict', message: inUse(names.plural) };
  if (taken(names.singular, resources)) return { reason: 'SingularConflict', message: inUse(names.singular ?? '') };
  const short = (names.shortNames ?? []).filter((s) => resources.has(s));
  if (short.length > 0) return { reason: 'ShortNamesConflict', message: short.map(inUse).join(', ') };
  if (taken(names.kind, kinds)) return { reason: 'KindConflict', message: inUse(names.kind) };
  if (taken(names.listKind, kinds)) return { reason: 'ListKindConflict', message: inUse(names.listKind ?? '') };
  return undefined;
}
