import type { V1ConfigMap, V1DownwardAPIVolumeFile, V1KeyToPath, V1Secret } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import type { ObjectSource } from '../env/env.js';
import { type Allocatable, type FieldContext, fieldValue, resourceValue } from '../env/field-ref.js';
import type { Pod } from '../pod/types.js';

export interface PayloadFile {
  data: Buffer;
  mode: number;
  /** Owner of the file, when it must not be root. */
  uid?: number;
}

/** Files of a volume by their relative path. */
export type Payload = Map<string, PayloadFile>;

const defaultFileMode = 0o644;

type Data = Map<string, Buffer>;

/** Picks the keys of a config map or secret into files. Throws when a listed key is missing and not optional. */
export function keysToFiles(
  what: string,
  data: Data,
  items: V1KeyToPath[] | undefined,
  mode: number | undefined,
  optional: boolean | undefined,
): Payload {
  const payload: Payload = new Map();
  const usual = mode ?? defaultFileMode;
  if (!items || items.length === 0) {
    for (const [key, bytes] of data) payload.set(key, { data: bytes, mode: usual });
    return payload;
  }
  for (const item of items) {
    const bytes = data.get(item.key);
    if (bytes) payload.set(item.path, { data: bytes, mode: item.mode ?? usual });
    else if (!optional) throw new Error(`${what} references non-existent key: ${item.key}`);
  }
  return payload;
}

export function configMapData(map: V1ConfigMap | undefined): Data {
  const data: Data = new Map();
  for (const [key, text] of Object.entries(map?.data ?? {})) data.set(key, Buffer.from(text));
  for (const [key, text] of Object.entries(map?.binaryData ?? {})) data.set(key, Buffer.from(text, 'base64'));
  return data;
}

export function secretData(secret: V1Secret | undefined): Data {
  return new Map(Object.entries(secret?.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')]));
}

interface KeySource {
  name?: string;
  items?: V1KeyToPath[];
  optional?: boolean;
}

export async function configMapPayload(
  pod: Pod,
  source: KeySource,
  mode: number | undefined,
  objects: ObjectSource,
): Promise<Payload> {
  const map = await mayMiss(source.optional, () => objects.configMap(pod.metadata.namespace, source.name ?? ''));
  return keysToFiles('configmap', configMapData(map), source.items, mode, source.optional);
}

export async function secretPayload(
  pod: Pod,
  source: KeySource,
  mode: number | undefined,
  objects: ObjectSource,
): Promise<Payload> {
  const secret = await mayMiss(source.optional, () => objects.secret(pod.metadata.namespace, source.name ?? ''));
  return keysToFiles('secret', secretData(secret), source.items, mode, source.optional);
}

async function mayMiss<T>(optional: boolean | undefined, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (optional && isNotFound(error)) return undefined;
    throw error;
  }
}

export function downwardPayload(
  pod: Pod,
  items: V1DownwardAPIVolumeFile[] | undefined,
  mode: number | undefined,
  context: FieldContext & { allocatable: Allocatable },
): Payload {
  const payload: Payload = new Map();
  for (const item of items ?? []) {
    let text = '';
    if (item.fieldRef) text = fieldValue(pod, item.fieldRef.fieldPath, context);
    else if (item.resourceFieldRef) text = resourceValue(pod, undefined, item.resourceFieldRef, context.allocatable);
    payload.set(item.path, { data: Buffer.from(text), mode: item.mode ?? mode ?? defaultFileMode });
  }
  return payload;
}
