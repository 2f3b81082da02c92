import { newBadRequest } from '../errors.js';
import { deepCopy, nowSecond, semanticEqual } from '../meta.js';
import type { Schema, SchemaResolver } from '../schema.js';
import type { KubeObject } from '../types.js';
import { type Conflict, conflictError } from './conflicts.js';
import { FieldSet } from './field-set.js';
import {
  capManagers,
  decodeManagers,
  encodeManagers,
  isReset,
  type Manager,
  type Managers,
  managerId,
  stripUnowned,
} from './managers.js';
import { isMap, TypedError } from './typed.js';
import { type Comparison, compareObjects, fieldSetOf, mergeObjects, removeFields, withParents } from './walk.js';

export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** What both kinds of writes have in common. All objects are in the version `apiVersion`. */
interface WriteOptions {
  /** fieldManager of the request, or the first part of its User-Agent. */
  manager: string;
  apiVersion: string;
  /** Empty for the main resource. */
  subresource?: string;
  schema: Schema;
  resolve: SchemaResolver;
  /**
   * An object in another version that some manager used, with that version's schema. Undefined: the version is gone,
   * and so is the manager's claim. Not needed for kinds with one version.
   */
  inVersion?(obj: KubeObject, apiVersion: string): { obj: KubeObject; schema: Schema } | undefined;
  /** Field paths that the write can't change (`['status']` on the main resource): nobody owns them by it. */
  resetFields?: string[][];
  /** The time of new entries, for tests. */
  now?: string;
}

export interface ApplyOptions extends WriteOptions {
  /** The stored object; undefined when the apply creates it. */
  live?: KubeObject;
  /** What the client applies. */
  config: KubeObject;
  force: boolean;
}

export interface UpdateOptions extends WriteOptions {
  live?: KubeObject;
  /** What will be stored, after defaulting and admission. */
  updated: KubeObject;
}

const resetSet = (o: WriteOptions) => FieldSet.of(...(o.resetFields ?? []).map((p) => p.map((f) => `f:${f}`)));

/** At creation a Go server compares with an object whose plain structs exist already: their fields have no owner. */
function skeleton(obj: unknown): unknown {
  if (!isMap(obj)) return {};
  const out: Record<string, unknown> = {};
  for (const key of ['metadata', 'spec', 'status', 'strategy', 'updateStrategy', 'template', 'jobTemplate']) {
    if (isMap(obj[key])) out[key] = skeleton(obj[key]);
  }
  // The one list that Go writes also when it is empty.
  if (Array.isArray(obj.containers)) out.containers = [];
  return out;
}

function emptyLive(obj: KubeObject): KubeObject {
  return {
    ...(skeleton(obj) as object),
    apiVersion: obj.apiVersion,
    kind: obj.kind,
    metadata: (skeleton(obj) as KubeObject).metadata ?? {},
  };
}

/** The object without what nobody can own and what is often the largest part of its metadata. */
function withoutManagers(obj: KubeObject): KubeObject {
  if (!obj.metadata?.managedFields) return obj;
  const { managedFields: _dropped, ...metadata } = obj.metadata;
  return { ...obj, metadata };
}

/**
 * Takes away from the other managers what changed or vanished. Returns the conflicts that there were.
 * @param compared what changed from `live` to `now`, in the version of the request
 */
function transfer(
  o: WriteOptions,
  live: KubeObject,
  now: KubeObject,
  managers: Managers,
  self: string,
  force: boolean,
  compared: Comparison = compareObjects(live, now, o.schema, o.resolve),
): Conflict[] {
  const byVersion = new Map([[o.apiVersion, compared]]);
  const conflicts: Conflict[] = [];
  const next: [string, Manager | undefined][] = [];
  for (const [id, m] of managers) {
    if (id === self) continue;
    let c = byVersion.get(m.apiVersion);
    if (!c) {
      const a = o.inVersion?.(live, m.apiVersion);
      const b = o.inVersion?.(now, m.apiVersion);
      if (!a || !b) {
        if (o.inVersion) next.push([id, undefined]);
        continue;
      }
      c = compareObjects(a.obj, b.obj, b.schema, o.resolve);
      byVersion.set(m.apiVersion, c);
    }
    const taken = m.set.intersection(c.modified.union(c.added));
    if (!taken.isEmpty) conflicts.push({ manager: m, fields: taken });
    const left = m.set.difference(taken).difference(c.removed);
    next.push([id, left.isEmpty ? undefined : { ...m, set: left }]);
  }
  if (conflicts.length > 0 && !force) return conflicts;
  for (const [id, m] of next) {
    if (m) managers.set(id, m);
    else managers.delete(id);
  }
  return conflicts;
}

/**
 * Sets `updated.metadata.managedFields` for a create, update or (other than apply) patch: the manager owns what it
 * added or changed, the others lose that and what vanished. An object without managedFields is not tracked from the
 * middle of its life on, only from its creation or first apply.
 */
export function updateManagedFields(o: UpdateOptions): void {
  const { updated } = o;
  if (isReset(updated)) {
    delete updated.metadata.managedFields;
    return;
  }
  const own = decodeManagers(updated.metadata.managedFields);
  const managers = own && own.size > 0 ? own : decodeManagers(o.live?.metadata.managedFields);
  if (o.live && (!managers || managers.size === 0)) {
    delete updated.metadata.managedFields;
    return;
  }
  const current: Managers = managers ?? new Map();
  const before = JSON.stringify(o.live?.metadata.managedFields ?? []);
  const live = o.live ?? emptyLive(updated);
  try {
    const self = 'current-operation';
    const c = compareObjects(withoutManagers(live), withoutManagers(updated), o.schema, o.resolve);
    if (current.size > 0) transfer(o, live, updated, current, self, true, c);
    const taken = stripUnowned(c.modified.union(c.added)).recursiveDifference(resetSet(o));
    const entry: Manager = {
      manager: o.manager,
      operation: 'Update',
      apiVersion: o.apiVersion,
      subresource: o.subresource ?? '',
      time: o.now ?? nowSecond(),
      set: taken,
    };
    if (!taken.isEmpty) {
      const id = managerId(entry);
      const previous = current.get(id);
      current.set(id, previous ? { ...entry, set: previous.set.union(taken) } : entry);
    }
  } catch (err) {
    // A live object that breaks its schema (duplicate list keys) is still written; ownership stays as it was.
    if (!(err instanceof TypedError)) throw err;
  }
  capManagers(current);
  const encoded = encodeManagers(current);
  if (encoded.length === 0) delete updated.metadata.managedFields;
  else if (JSON.stringify(encoded) === before && o.live?.metadata.managedFields) {
    updated.metadata.managedFields = o.live.metadata.managedFields;
  } else updated.metadata.managedFields = encoded;
}

/**
 * Server-side apply: the object that results when `manager` applies `config`, with managedFields set. Fields that the
 * manager applied before and does not now are removed, unless others own them.
 * @returns the new object (private to the caller); equal to `live` when nothing changed
 * @throws StatusError 409 with one cause a conflicting field; 400 when the configuration has managedFields or breaks
 * its list keys
 */
export function serverSideApply(o: ApplyOptions): KubeObject {
  if (o.config.metadata.managedFields && o.config.metadata.managedFields.length > 0) {
    throw newBadRequest('metadata.managedFields must be nil');
  }
  try {
    return apply(o);
  } catch (err) {
    if (err instanceof TypedError) throw newBadRequest(`failed to create typed patch object: ${err.message}`);
    throw err;
  }
}

function apply(o: ApplyOptions): KubeObject {
  const live = o.live ?? emptyLive(o.config);
  const managers = managersOf(live, o);
  const config = removeFields(o.config, resetSet(o), o.schema, o.resolve) as KubeObject;
  const entry: Manager = {
    manager: o.manager,
    operation: 'Apply',
    apiVersion: o.apiVersion,
    subresource: o.subresource ?? '',
    time: o.now ?? nowSecond(),
    set: stripUnowned(fieldSetOf(config, o.schema, o.resolve)),
  };
  const id = managerId(entry);
  const last = managers.get(id);
  const merged = mergeObjects(live, config, o.schema, o.resolve) as KubeObject;
  managers.set(id, entry);
  const result = deepCopy(last ? prune(o, merged, managers, last) : merged);
  const conflicts = transfer(o, live, result, managers, id, o.force);
  if (conflicts.length > 0 && !o.force) {
    const remaining = o.manager === 'kubectl' ? beyondLastApplied(o, live, conflicts) : conflicts;
    if (remaining.length > 0) throw conflictError(remaining);
    // All of them come from kubectl's client-side apply of the same object: taken over.
    transfer(o, live, result, managers, id, true);
  }
  refreshLastApplied(o, live, result);
  if (last && last.apiVersion === entry.apiVersion && last.set.equals(entry.set) && sameWithoutManagers(live, result)) {
    managers.set(id, { ...entry, time: last.time });
  }
  capManagers(managers);
  result.metadata.managedFields = encodeManagers(managers);
  return result;
}

/** The live object's managers. One that was never tracked gets `before-first-apply`, the owner of all it has. */
function managersOf(live: KubeObject, o: ApplyOptions): Managers {
  const managers = decodeManagers(live.metadata.managedFields) ?? new Map();
  if (!o.live || managers.size > 0) return managers;
  const before: Manager = {
    manager: 'before-first-apply',
    operation: 'Update',
    apiVersion: o.apiVersion,
    subresource: '',
    time: o.now ?? nowSecond(),
    set: stripUnowned(fieldSetOf(live, o.schema, o.resolve)),
  };
  return new Map([[managerId(before), before]]);
}

function prune(o: ApplyOptions, merged: KubeObject, managers: Managers, last: Manager): KubeObject {
  if (last.set.isEmpty) return merged;
  const lastSet = withParents(last.set);
  const mergedSet = withParents(fieldSetOf(merged, o.schema, o.resolve));
  const removed = removeFields(merged, lastSet, o.schema, o.resolve) ?? {};
  const prunedSet = withParents(fieldSetOf(removed, o.schema, o.resolve));
  let owned = FieldSet.empty();
  for (const m of managers.values()) owned = owned.union(m.set);
  // Back comes what somebody owns (the applier's new set included) ...
  const unownedNow = mergedSet.difference(prunedSet.union(withParents(owned)));
  const pruned = removeFields(merged, unownedNow, o.schema, o.resolve) ?? {};
  // ... and what was never the applier's.
  const finalSet = withParents(fieldSetOf(pruned, o.schema, o.resolve));
  const gone = mergedSet.difference(finalSet).intersection(lastSet);
  const out = (removeFields(merged, gone, o.schema, o.resolve) ?? {}) as KubeObject;
  return {
    ...out,
    apiVersion: merged.apiVersion,
    kind: merged.kind,
    metadata: { ...(out.metadata ?? {}), ...identity(merged) },
  };
}

/** What pruning must never touch. */
function identity(obj: KubeObject): Partial<KubeObject['metadata']> {
  const { name, namespace, uid, resourceVersion, creationTimestamp, generation } = obj.metadata;
  return Object.fromEntries(
    Object.entries({ name, namespace, uid, resourceVersion, creationTimestamp, generation }).filter(
      ([, v]) => v !== undefined,
    ),
  );
}

function lastApplied(live: KubeObject): KubeObject | undefined {
  const text = live.metadata.annotations?.[lastAppliedAnnotation];
  if (!text) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isMap(value) ? (value as KubeObject) : undefined;
  } catch {
    // Somebody else's annotation: it proves nothing.
    return undefined;
  }
}

/** The conflicts that are not about fields which kubectl's client-side apply set and nobody changed since. */
function beyondLastApplied(o: ApplyOptions, live: KubeObject, conflicts: Conflict[]): Conflict[] {
  const config = lastApplied(live);
  if (!config) return conflicts;
  const allowed = fieldSetOf(config, o.schema, o.resolve).difference(
    compareObjects(config, live, o.schema, o.resolve).modified,
  );
  const annotation = FieldSet.of(['f:metadata', 'f:annotations', `f:${lastAppliedAnnotation}`]);
  return conflicts
    .map((c) => ({ ...c, fields: c.fields.difference(allowed).difference(annotation) }))
    .filter((c) => !c.fields.isEmpty);
}

/** Keeps client-side apply's annotation true when kubectl goes over to server-side apply. */
function refreshLastApplied(o: ApplyOptions, live: KubeObject, result: KubeObject): void {
  if (o.manager !== 'kubectl' || !live.metadata.annotations?.[lastAppliedAnnotation]) return;
  const { managedFields: _m, ...metadata } = o.config.metadata;
  const text = JSON.stringify({ ...o.config, metadata });
  result.metadata.annotations = { ...result.metadata.annotations, [lastAppliedAnnotation]: `${text}\n` };
}

function sameWithoutManagers(a: KubeObject, b: KubeObject): boolean {
  const { managedFields: _a, ...x } = a.metadata;
  const { managedFields: _b, ...y } = b.metadata;
  // Empty fields that a configuration has are not kept with the object.
  return semanticEqual({ ...a, metadata: x }, { ...b, metadata: y });
}
