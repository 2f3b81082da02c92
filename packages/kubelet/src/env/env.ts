import type { V1ConfigMap, V1Container, V1EnvVar, V1Secret } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import type { Pod } from '../pod/types.js';
import { expand } from './expand.js';
import { type Allocatable, type FieldContext, fieldValue, resourceValue } from './field-ref.js';

/** Read access to the objects a pod refers to, cached and current. */
export interface ObjectSource {
  configMap(namespace: string, name: string): Promise<V1ConfigMap>;
  secret(namespace: string, name: string): Promise<V1Secret>;
}

export interface EnvContext extends FieldContext {
  objects: ObjectSource;
  services: Map<string, string>;
  allocatable: Allocatable;
}

/** A container's environment in the order the kubelet gives it: envFrom, env, then services nobody overrode. */
export async function makeEnvironment(
  pod: Pod,
  container: V1Container,
  context: EnvContext,
): Promise<Map<string, string>> {
  const result = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    for (const [key, value] of await envFrom(pod, source, context)) result.set(key, value);
  }
  const known = (name: string) => result.get(name) ?? context.services.get(name);
  for (const variable of container.env ?? []) {
    const value = await variableValue(pod, container, variable, context, known);
    if (value !== undefined) result.set(variable.name, value);
  }
  for (const [key, value] of context.services) {
    if (!result.has(key)) result.set(key, value);
  }
  return result;
}

type EnvFrom = NonNullable<V1Container['envFrom']>[number];

async function envFrom(pod: Pod, source: EnvFrom, context: EnvContext): Promise<[string, string][]> {
  const { namespace } = pod.metadata;
  let data: [string, string][] = [];
  if (source.configMapRef) {
    const name = source.configMapRef.name ?? '';
    const map = await optional(source.configMapRef.optional, () => context.objects.configMap(namespace, name));
    data = Object.entries(map?.data ?? {});
  } else if (source.secretRef) {
    const name = source.secretRef.name ?? '';
    const secret = await optional(source.secretRef.optional, () => context.objects.secret(namespace, name));
    data = Object.entries(secret?.data ?? {}).map(([key, value]) => [key, decode(value)]);
  }
  return data
    .map(([key, value]): [string, string] => [`${source.prefix ?? ''}${key}`, value])
    .filter(([key]) => key !== '' && !key.includes('='))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

async function variableValue(
  pod: Pod,
  container: V1Container,
  variable: V1EnvVar,
  context: EnvContext,
  known: (name: string) => string | undefined,
): Promise<string | undefined> {
  const from = variable.valueFrom;
  if (!from) return expand(variable.value ?? '', known);
  const { namespace } = pod.metadata;
  if (from.fieldRef) return fieldValue(pod, from.fieldRef.fieldPath, context);
  if (from.resourceFieldRef) return resourceValue(pod, container, from.resourceFieldRef, context.allocatable);
  if (from.configMapKeyRef) {
    const { name = '', key, optional: mayMiss } = from.configMapKeyRef;
    const map = await optional(mayMiss, () => context.objects.configMap(namespace, name));
    const value = map?.data?.[key];
    if (value === undefined && !mayMiss) throw new Error(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    return value;
  }
  if (from.secretKeyRef) {
    const { name = '', key, optional: mayMiss } = from.secretKeyRef;
    const secret = await optional(mayMiss, () => context.objects.secret(namespace, name));
    const value = secret?.data?.[key];
    if (value === undefined && !mayMiss) throw new Error(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    return value === undefined ? undefined : decode(value);
  }
  throw new Error(`environment variable ${variable.name}: valueFrom has no supported source`);
}

async function optional<T>(mayMiss: boolean | undefined, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (mayMiss && isNotFound(error)) return undefined;
    throw error;
  }
}

const decode = (base64: string) => Buffer.from(base64, 'base64').toString();
