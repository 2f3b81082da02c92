import { newBadRequest } from './errors.js';
import { deepCopy, deepEqual } from './meta.js';

type Json = Record<string, unknown>;
const isObject = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v);

function set(o: Json, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(o, key, { value, enumerable: true, configurable: true, writable: true });
  else o[key] = value;
}

function withoutNulls(v: unknown): unknown {
  if (!isObject(v)) return v;
  const out: Json = {};
  for (const k of Object.keys(v)) if (v[k] !== null) set(out, k, withoutNulls(v[k]));
  return out;
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  if (!isObject(target)) return withoutNulls(patch);
  const out: Json = { ...target };
  for (const k of Object.keys(patch)) {
    if (patch[k] === null) delete out[k];
    else set(out, k, merge(Object.hasOwn(out, k) ? out[k] : undefined, patch[k]));
  }
  return out;
}

/**
 * Applies a JSON merge patch (RFC 7386) to a copy of the document.
 * @throws StatusError 400 when the patch is no object
 */
export function applyMergePatch<T>(document: T, patch: unknown): T {
  if (!isObject(patch)) throw newBadRequest('error decoding patch: Invalid JSON Patch');
  return deepCopy(merge(document, patch)) as T;
}

/** The merge patch that turns `original` into `modified`; empty when they are equal. */
export function createTwoWayMergePatch(original: unknown, modified: unknown): Json {
  const out: Json = {};
  const a = isObject(original) ? original : {};
  const b = isObject(modified) ? modified : {};
  for (const k of Object.keys(a)) if (!Object.hasOwn(b, k) || b[k] === undefined) set(out, k, null);
  for (const k of Object.keys(b)) {
    if (b[k] === undefined || deepEqual(a[k], b[k])) continue;
    set(out, k, isObject(a[k]) && isObject(b[k]) ? createTwoWayMergePatch(a[k], b[k]) : deepCopy(b[k]));
  }
  return out;
}
