import { randomBytes, randomUUID } from 'node:crypto';
import type { KubeObject, ObjectMeta, OwnerReference } from './types.js';

/** Kubernetes' alphabet for generated suffixes: no vowels, nothing that looks alike. */
const alphanums = 'bcdfghjklmnpqrstvwxz2456789';

/** A random string of n characters for generated names. */
export function randomSuffix(n = 5): string {
  let out = '';
  while (out.length < n) {
    for (const b of randomBytes(n * 2)) {
      // 27 * 9 = 243: bytes beyond would make the first characters likelier.
      if (b < 243 && out.length < n) out += alphanums[b % 27];
    }
  }
  return out;
}

/** The name that generateName asks for: base cut to 58 characters and five random ones. */
export function generateName(base: string): string {
  return `${base.slice(0, 58)}${randomSuffix(5)}`;
}

export const newUid = (): string => randomUUID();

/** Now, RFC 3339 in UTC with seconds: metav1.Time. */
export function nowSecond(date: Date = new Date()): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** Now, RFC 3339 in UTC with microseconds: metav1.MicroTime. */
export function nowMicro(date?: Date): string {
  if (date) return `${date.toISOString().slice(0, 23)}000Z`;
  const ms = performance.timeOrigin + performance.now();
  const micros = Math.floor((ms % 1) * 1000);
  return `${new Date(ms).toISOString().slice(0, 23)}${String(micros).padStart(3, '0')}Z`;
}

const rfc3339 =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** Milliseconds since the epoch, or undefined when the text is no RFC 3339 time. */
export function parseTime(text: string | null | undefined): number | undefined {
  if (!text || !rfc3339.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

type HasMeta = { metadata?: ObjectMeta };

/** The owner that controls the object. */
export function getControllerOf(obj: HasMeta): OwnerReference | undefined {
  return obj.metadata?.ownerReferences?.find((r) => r.controller === true);
}

export function isControlledBy(obj: HasMeta, owner: HasMeta): boolean {
  const ref = getControllerOf(obj);
  return ref !== undefined && ref.uid === owner.metadata?.uid;
}

/** A controller reference to `owner`, blocking its deletion. */
export function newControllerRef(owner: HasMeta, gvk: { apiVersion: string; kind: string }): OwnerReference {
  return {
    apiVersion: gvk.apiVersion,
    kind: gvk.kind,
    name: owner.metadata?.name ?? '',
    uid: owner.metadata?.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** `namespace/name`, or `name` for what has no namespace: the key of informers and work queues. */
export function objectKey(obj: HasMeta): string {
  const m = obj.metadata ?? {};
  return m.namespace ? `${m.namespace}/${m.name ?? ''}` : (m.name ?? '');
}

export function splitObjectKey(key: string): { namespace: string; name: string } {
  const i = key.indexOf('/');
  return i < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, i), name: key.slice(i + 1) };
}

/** Whether two objects are the same incarnation. */
export const sameUid = (a: KubeObject, b: KubeObject): boolean => a.metadata.uid === b.metadata.uid;

/** Deep equality of JSON values. Absent and undefined members are the same. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!deepEqual(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const x = a as Record<string, unknown>;
  const y = b as Record<string, unknown>;
  for (const k of Object.keys(x)) if (!deepEqual(x[k], y[k])) return false;
  for (const k of Object.keys(y)) if (y[k] !== undefined && x[k] === undefined) return false;
  return true;
}

/**
 * Equality as Kubernetes' `equality.Semantic.DeepEqual`: absent, null and empty lists, maps are the same.
 */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a) && isEmpty(b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((v, i) => semanticEqual(v, b[i]));
  }
  const x = a as Record<string, unknown>;
  const y = b as Record<string, unknown>;
  for (const k of Object.keys(x)) if (!semanticEqual(x[k], y[k])) return false;
  for (const k of Object.keys(y)) if (!(k in x) && !isEmpty(y[k])) return false;
  return true;
}

function isEmpty(v: unknown): boolean {
  if (v === undefined || v === null) return true;
  if (Array.isArray(v)) return v.length === 0;
  return typeof v === 'object' && Object.keys(v).length === 0;
}

/** A copy of a JSON value that shares nothing with it. */
export function deepCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(deepCopy) as T;
  const out: Record<string, unknown> = {};
  for (const k of Object.keys(value)) {
    const v = deepCopy((value as Record<string, unknown>)[k]);
    // Plain assignment of this key would set the prototype.
    if (k === '__proto__')
      Object.defineProperty(out, k, { value: v, enumerable: true, configurable: true, writable: true });
    else out[k] = v;
  }
  return out as T;
}

/** FNV-1a, 32 bits (Go's hash/fnv New32a) of a string's UTF-8 bytes. */
export function fnv32a(text: string | Uint8Array): number {
  let h = 0x811c9dc5;
  for (const b of typeof text === 'string' ? Buffer.from(text) : text) {
    h ^= b;
    h = Math.imul(h, 0x01000193) >>> 0;
  }
  return h >>> 0;
}

/** Encodes a text so that it may be part of a name: each character into Kubernetes' safe alphabet (rand.SafeEncodeString). */
export function safeEncodeString(text: string): string {
  let out = '';
  for (const b of Buffer.from(text)) out += alphanums[b % alphanums.length];
  return out;
}
