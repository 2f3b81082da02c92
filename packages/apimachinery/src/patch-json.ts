import { newBadRequest, newPatchError, newRequestEntityTooLarge } from './errors.js';
import { deepCopy, deepEqual } from './meta.js';

/** One operation of RFC 6902. */
export interface JsonPatchOperation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}

/** Kubernetes' limit of operations in one patch. */
export const maxJsonPatchOperations = 10_000;

const kindOf = (v: unknown) => (v === null ? 'null' : Array.isArray(v) ? 'array' : typeof v);

function checkOperations(ops: unknown): JsonPatchOperation[] {
  if (!Array.isArray(ops)) {
    throw newBadRequest(
      `error decoding patch: json: cannot unmarshal ${kindOf(ops)} into Go value of type jsonpatch.Patch`,
    );
  }
  if (ops.length > maxJsonPatchOperations) {
    throw newRequestEntityTooLarge(
      `The allowed maximum operations in a JSON patch is ${maxJsonPatchOperations}, got ${ops.length}`,
    );
  }
  for (const op of ops) {
    if (kindOf(op) !== 'object') {
      throw newBadRequest(
        `error decoding patch: json: cannot unmarshal ${kindOf(op)} into Go value of type jsonpatch.Operation`,
      );
    }
  }
  return ops as JsonPatchOperation[];
}

const decodeSegment = (s: string) => s.replace(/~1/g, '/').replace(/~0/g, '~');

type Container = Record<string, unknown> | unknown[];
const isContainer = (v: unknown): v is Container => typeof v === 'object' && v !== null;

interface Doc {
  root: unknown;
}

/** The container and last segment that a pointer names; the container is undefined when the way to it does not exist. */
function locate(doc: Doc, path: string): { parent: Container | undefined; key: string } {
  const segments = path.split('/').slice(1).map(decodeSegment);
  const key = segments.pop() ?? '';
  let at: unknown = doc.root;
  for (const s of segments) {
    if (Array.isArray(at)) at = /^-?\d+$/.test(s) ? at[arrayIndex(at, s, false)] : undefined;
    else if (isContainer(at) && Object.hasOwn(at, s)) at = (at as Record<string, unknown>)[s];
    else at = undefined;
  }
  return { parent: isContainer(at) ? at : undefined, key };
}

/** Negative indices count from the end, as evanphx/json-patch allows. */
function arrayIndex(a: unknown[], s: string, forAdd: boolean): number {
  const n = Number(s);
  return n < 0 ? n + a.length + (forAdd ? 1 : 0) : n;
}

const missing = 'missing value';

function invalidPath(op: string, path: string, why: string): Error {
  return newPatchError(`${op} operation does not apply: doc is missing ${why}: ${path}: ${missing}`);
}

function getAt(doc: Doc, path: string): { found: boolean; value?: unknown } {
  if (path === '') return { found: true, value: doc.root };
  const { parent, key } = locate(doc, path);
  if (!parent) return { found: false };
  if (Array.isArray(parent)) {
    if (!/^-?\d+$/.test(key)) return { found: false };
    const i = arrayIndex(parent, key, false);
    return i >= 0 && i < parent.length ? { found: true, value: parent[i] } : { found: false };
  }
  return Object.hasOwn(parent, key) ? { found: true, value: parent[key] } : { found: false };
}

function setMember(o: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(o, key, { value, enumerable: true, configurable: true, writable: true });
  else o[key] = value;
}

function addAt(doc: Doc, path: string, value: unknown, op: string): void {
  if (path === '') {
    doc.root = value;
    return;
  }
  const { parent, key } = locate(doc, path);
  if (!parent) throw invalidPath(op, path, 'path');
  if (!Array.isArray(parent)) {
    setMember(parent, key, value);
    return;
  }
  if (key === '-') {
    parent.push(value);
    return;
  }
  if (!/^-?\d+$/.test(key)) {
    throw newPatchError(
      `${op} operation does not apply: error in add for path: '${path}': strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`,
    );
  }
  const i = arrayIndex(parent, key, true);
  if (i < 0 || i > parent.length) {
    throw newPatchError(
      `${op} operation does not apply: error in add for path: '${path}': Unable to access invalid index: ${key}: invalid index referenced`,
    );
  }
  parent.splice(i, 0, value);
}

function removeAt(doc: Doc, path: string, op: string): unknown {
  const { parent, key } = locate(doc, path);
  if (!parent || path === '') throw invalidPath(op, path, 'path');
  if (Array.isArray(parent)) {
    const i = /^-?\d+$/.test(key) ? arrayIndex(parent, key, false) : -1;
    if (i < 0 || i >= parent.length) {
      throw newPatchError(
        `error in ${op} for path: '${path}': Unable to access invalid index: ${key}: invalid index referenced`,
      );
    }
    return parent.splice(i, 1)[0];
  }
  if (!Object.hasOwn(parent, key)) {
    throw newPatchError(`error in ${op} for path: '${path}': Unable to remove nonexistent key: ${key}: ${missing}`);
  }
  const value = parent[key];
  delete parent[key];
  return value;
}

function replaceAt(doc: Doc, path: string, value: unknown): void {
  if (path === '') {
    doc.root = value;
    return;
  }
  if (!getAt(doc, path).found) {
    const { parent } = locate(doc, path);
    throw invalidPath('replace', path, parent ? 'key' : 'path');
  }
  const { parent, key } = locate(doc, path);
  if (Array.isArray(parent)) parent[arrayIndex(parent, key, false)] = value;
  else if (parent) setMember(parent, key, value);
}

/** Copies may not grow a document beyond what a request may carry. */
const maxCopiedBytes = 3 * 1024 * 1024;

/**
 * Applies a JSON patch (RFC 6902) to a copy of the document.
 * @throws StatusError 400 for what is no patch, 422 Invalid when it does not apply (a failed `test` too), 413 for too
 * many operations.
 */
export function applyJsonPatch<T>(document: T, patch: unknown): T {
  const ops = checkOperations(patch);
  const doc: Doc = { root: deepCopy(document) };
  let copied = 0;
  for (const op of ops) {
    if (typeof op.path !== 'string' || (op.path !== '' && !op.path.startsWith('/'))) {
      throw newPatchError(`${op.op ?? 'unknown'} operation failed to decode path: ${missing}`);
    }
    // Clients that leave out empty values mean null, against the RFC; so does the library that Kubernetes uses.
    const value = op.value ?? null;
    switch (op.op) {
      case 'add':
        addAt(doc, op.path, deepCopy(value), 'add');
        break;
      case 'remove':
        removeAt(doc, op.path, 'remove');
        break;
      case 'replace':
        replaceAt(doc, op.path, deepCopy(value));
        break;
      case 'move':
      case 'copy': {
        if (typeof op.from !== 'string') throw newPatchError(`${op.op} operation failed to decode from: ${missing}`);
        const source = getAt(doc, op.from);
        if (!source.found) throw invalidPath(op.op, op.from, 'from path');
        if (op.op === 'move') {
          if (op.path.startsWith(`${op.from}/`)) throw invalidPath('move', op.path, 'path');
          addAt(doc, op.path, removeAt(doc, op.from, 'move'), 'move');
        } else {
          copied += Buffer.byteLength(JSON.stringify(source.value) ?? '');
          if (copied > maxCopiedBytes) {
            throw newRequestEntityTooLarge(
              `Unable to complete the copy, the accumulated size increase of copy is ${copied}, exceeding the limit ${maxCopiedBytes}`,
            );
          }
          addAt(doc, op.path, deepCopy(source.value), 'copy');
        }
        break;
      }
      case 'test': {
        const actual = getAt(doc, op.path);
        const ok = actual.found ? deepEqual(actual.value, value) : value === null;
        if (!ok) throw newPatchError(`testing value ${op.path} failed`);
        break;
      }
      default:
        throw newPatchError(`Unexpected kind: ${op.op}`);
    }
  }
  return doc.root as T;
}
