import { resolveSchema } from '@kubelab/api';
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  duplicateFields,
  type KubeObject,
  newBadRequest,
  newUnsupportedMediaType,
} from '@kubelab/apimachinery';
import { checkWriteOptions } from '../apply/index.js';
import { prepareServed } from '../registry/prepared-conversion.js';
import { toServed } from '../registry/versioning.js';
import { privateCopy } from './admit.js';
import { applyHandler } from './apply.js';
import { mediaTypeOf, parseJson, readBody, textOf } from './body.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { checkNames, decodeObject, TypeMismatch, toStorage } from './decode.js';
import { sendItem } from './represent.js';
import { newRestoreError } from './restore-error.js';
import { updateRequestBase } from './update.js';
import { dryRunOf } from './write-options.js';
import { parseYamlBody } from './yaml-body.js';

const jsonPatch = 'application/json-patch+json';
const mergePatch = 'application/merge-patch+json';
const strategicPatch = 'application/strategic-merge-patch+json';
export const applyPatch = 'application/apply-patch+yaml';

type Patch = (object: KubeObject) => unknown;

/** PATCH of an object or of one of its subresources. */
export async function patchHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { info, entry, req } = ctx;
  const type = mediaTypeOf(req);
  const supported = supportedTypes(ctx);
  if (!supported.includes(type)) {
    throw newUnsupportedMediaType(supported);
  }
  if (type === applyPatch) {
    await applyHandler(env, ctx);
    return;
  }
  checkWriteOptions(info.query, 'PatchOptions', false);
  const dryRun = dryRunOf(info.query.getAll('dryRun'));
  const body = await readBody(req);
  const content = parsePatch(body);
  const patch = patchOf(ctx, type, content);
  const { item } = await env.writer.update(entry, {
    ...updateRequestBase(env, ctx, dryRun),
    transform: async (current) => {
      const stored = current.object;
      await prepareServed(ctx.served, [stored]);
      // A patch is of the client's version: the object is shown to it in that, and taken back.
      const before = privateCopy(toServed(entry, ctx.served, stored));
      const object = decodePatched(ctx, type, content, patch(before));
      checkNames(ctx, object, true);
      return toStorage(ctx, object);
    },
  });
  await sendItem(ctx, 200, item);
}

/** Custom resources have no merge keys, and so no strategic merge patch. */
function supportedTypes(ctx: RequestContext): string[] {
  return ctx.served.schema ? [jsonPatch, mergePatch, applyPatch] : [jsonPatch, mergePatch, strategicPatch, applyPatch];
}

/** Members that are twice in the text of a merge patch; of a JSON patch only the values would count, which have none. */
function duplicatesIn(content: unknown): string[] {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return [];
  const text = textOf(content);
  return text === undefined ? [] : duplicateFields(text).map((path) => `duplicate field ${JSON.stringify(path)}`);
}

function patchOf(ctx: RequestContext, type: string, content: unknown): Patch {
  switch (type) {
    case jsonPatch:
      return (object) => applyJsonPatch(object, content);
    case mergePatch:
      return (object) => applyMergePatch(object, content);
    default: {
      const schema = resolveSchema(ctx.served.schemaName);
      if (!schema) {
        throw newBadRequest(`${ctx.entry.kind} has no schema for a strategic merge patch`);
      }
      return (object) => applyStrategicMergePatch(object, content, schema, resolveSchema);
    }
  }
}

/** @throws StatusError when what the patch makes is no object of the kind */
function decodePatched(ctx: RequestContext, type: string, content: unknown, patched: unknown): KubeObject {
  try {
    return decodeObject(ctx, patched, undefined, { duplicates: duplicatesIn(content) });
  } catch (error) {
    if (error instanceof TypeMismatch && type === strategicPatch) {
      throw newRestoreError(error.problem, content);
    }
    throw error;
  }
}

function parsePatch(body: Buffer): unknown {
  const text = body.subarray(0, 64).toString('utf8').trimStart();
  if (text.startsWith('{') || text.startsWith('[')) {
    return parseJson(body);
  }
  return parseYamlBody(body, 'error decoding patch');
}
