import { deepCopy, type KubeObject } from '@kubelab/apimachinery';
import type { AdmissionAttributes, AdmissionOperation } from '../admission/index.js';
import { auditOf } from '../audit/index.js';
import { prepareServed, prepareStored } from '../registry/prepared-conversion.js';
import { toServed, toStored, versionOfEntry } from '../registry/versioning.js';
import type { HandlerEnvironment, RequestContext } from './context.js';

interface AdmissionRequest {
  operation: AdmissionOperation;
  object?: KubeObject;
  oldObject?: KubeObject;
  dryRun: boolean;
  name?: string;
}

export function admissionAttributes(ctx: RequestContext, request: AdmissionRequest): AdmissionAttributes {
  const { entry, info, user } = ctx;
  const group = entry.storageGroup ?? entry.group;
  return {
    operation: request.operation,
    // What is connected with is the options, of the core group.
    kind:
      request.operation === 'CONNECT'
        ? { group: '', version: 'v1', kind: request.object?.kind ?? '' }
        : { group, version: entry.storageVersion, kind: entry.kind },
    resource: { group: entry.group, version: entry.storageVersion, resource: entry.resource },
    subresource: info.subresource,
    namespace: info.namespace,
    name: request.name ?? (info.name || request.object?.metadata.name || ''),
    object: request.object,
    oldObject: request.oldObject,
    dryRun: request.dryRun,
    user,
    convert: (object, version) => convertTo(ctx, object, version),
    addWarning: (text) => ctx.warn(text),
    addAuditAnnotation: (key, value) => auditOf(ctx.req)?.annotate(key, value),
  };
}

/** A stored object in another version, or one of another version in the stored one (webhooks ask for either). */
async function convertTo(ctx: RequestContext, object: KubeObject, version: string): Promise<KubeObject> {
  const { entry } = ctx;
  const from = versionOfEntry(entry, object.apiVersion.split('/').pop() ?? '');
  const to = versionOfEntry(entry, version);
  const isMain = object.kind === entry.kind;
  if (!isMain || !from || !to || from === to) {
    return object;
  }
  if (version === entry.storageVersion) {
    await prepareStored(from, object);
    return toStored(entry, from, object);
  }
  await prepareServed(to, [object]);
  return toServed(entry, to, object);
}

/** Runs the mutating plugins on the object; what they made of it is returned, defaulted again. */
export async function runMutating(
  env: HandlerEnvironment,
  ctx: RequestContext,
  operation: AdmissionOperation,
  object: KubeObject,
  oldObject: KubeObject | undefined,
  dryRun: boolean,
): Promise<KubeObject> {
  const attributes = admissionAttributes(ctx, { operation, object, oldObject, dryRun });
  await env.admission.mutate(attributes);
  return attributes.object ?? object;
}

export async function runValidating(
  env: HandlerEnvironment,
  ctx: RequestContext,
  operation: AdmissionOperation,
  object: KubeObject | undefined,
  oldObject: KubeObject | undefined,
  dryRun: boolean,
): Promise<void> {
  await env.admission.validate(admissionAttributes(ctx, { operation, object, oldObject, dryRun }));
}

/** A private copy, for what is to be changed. */
export function privateCopy(object: KubeObject): KubeObject {
  return deepCopy(object);
}
