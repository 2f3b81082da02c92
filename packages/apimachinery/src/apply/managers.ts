import type { KubeObject, ManagedFieldsEntry } from '../types.js';
import { FieldSet } from './field-set.js';

/** One manager's ownership. */
export interface Manager {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  time: string | undefined;
  set: FieldSet;
}

/** Managers by identity: name, operation, subresource, and for updates the API version. */
export type Managers = Map<string, Manager>;

export function managerId(m: Pick<Manager, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): string {
  return JSON.stringify([m.manager, m.operation, m.operation === 'Apply' ? '' : m.apiVersion, m.subresource]);
}

/** Reads metadata.managedFields. Undefined when an entry is not usable: the list is then ignored, as Kubernetes does. */
export function decodeManagers(entries: ManagedFieldsEntry[] | undefined): Managers | undefined {
  const out: Managers = new Map();
  for (const e of entries ?? []) {
    if (e.operation !== 'Apply' && e.operation !== 'Update') return undefined;
    if (e.fieldsType !== undefined && e.fieldsType !== 'FieldsV1') return undefined;
    const m: Manager = {
      manager: e.manager ?? '',
      operation: e.operation,
      apiVersion: e.apiVersion ?? '',
      subresource: e.subresource ?? '',
      time: e.time,
      set: FieldSet.fromFieldsV1(e.fieldsV1 ?? {}),
    };
    out.set(managerId(m), m);
  }
  return out;
}

/** Kubernetes' order: appliers first, then by time, name, version. */
export function encodeManagers(managers: Managers): ManagedFieldsEntry[] {
  const list = [...managers.values()].filter((m) => !m.set.isEmpty);
  const key = (m: Manager) => [m.operation, m.time ?? '', m.manager, m.apiVersion, m.subresource];
  list.sort((a, b) => {
    const x = key(a);
    const y = key(b);
    for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return (x[i] as string) < (y[i] as string) ? -1 : 1;
    return 0;
  });
  return list.map(encodeManager);
}

/** The members in the order that Kubernetes writes them in; nearly every write makes some, so none is spread. */
function encodeManager({ manager, operation, apiVersion, time, set, subresource }: Manager): ManagedFieldsEntry {
  const entry: ManagedFieldsEntry = manager ? { manager, operation, apiVersion } : { operation, apiVersion };
  if (time) entry.time = time;
  entry.fieldsType = 'FieldsV1';
  entry.fieldsV1 = set.toFieldsV1();
  if (subresource) entry.subresource = subresource;
  return entry;
}

/** Fields that nobody owns. */
const unowned = FieldSet.of(
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ].map((f) => ['f:metadata', `f:${f}`]),
);

export const stripUnowned = (set: FieldSet): FieldSet => set.difference(unowned);

/** Kubernetes' limit of entries of operation Update; older ones are joined into `ancient-changes`. */
const maxUpdateManagers = 10;
const ancient = 'ancient-changes';

/** Joins the oldest Update entries of the same API version when there are too many. */
export function capManagers(managers: Managers): void {
  const updates = [...managers.values()].filter((m) => m.operation === 'Update' && m.subresource === '');
  if (updates.length <= maxUpdateManagers) return;
  updates.sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1));
  let excess = updates.length - maxUpdateManagers + 1;
  for (const m of updates) {
    if (excess <= 0) break;
    if (m.manager === ancient) continue;
    const bucket: Manager = { ...m, manager: ancient };
    const id = managerId(bucket);
    const known = managers.get(id);
    managers.set(id, known ? { ...known, time: m.time, set: known.set.union(m.set) } : bucket);
    managers.delete(managerId(m));
    excess -= 1;
  }
}

/** Whether a client asks to forget all ownership: `managedFields: [{}]`. */
export function isReset(obj: KubeObject): boolean {
  const list = obj.metadata.managedFields;
  return list?.length === 1 && Object.keys(list[0] ?? {}).length === 0;
}
