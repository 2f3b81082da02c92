import { isNotFound, type KubeObject, newBadRequest } from '@kubelab/apimachinery';
import { applyConfiguration, checkWriteOptions } from '../apply/index.js';
import { prepareStored } from '../registry/prepared-conversion.js';
import { toStored } from '../registry/versioning.js';
import { privateCopy } from './admit.js';
import { parseJson, readBody } from './body.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { createDecoded } from './create.js';
import { checkNames, decodeMerged, decodeObject, fieldValidationOf, toStorage } from './decode.js';
import { sendItem } from './represent.js';
import { trackedWrite } from './track.js';
import { updateRequestBase } from './update.js';
import { dryRunOf } from './write-options.js';
import { parseYamlBody, yamlProblems } from './yaml-body.js';

/** PATCH with application/apply-patch+yaml: server-side apply (KEP-555). Creates what does not exist. */
export async function applyHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { info, entry, req } = ctx;
  const dryRun = dryRunOf(info.query.getAll('dryRun'));
  const force = checkWriteOptions(info.query, 'PatchOptions', true);
  const config = decodeObject(ctx, parse(ctx, await readBody(req)), undefined, { applied: true });
  checkNames(ctx, config, true);
  const write = trackedWrite(ctx);
  const merge = async (live: KubeObject | undefined) =>
    decodeMerged(write.served, applyConfiguration(write, live, await inTrackedVersion(ctx, config), force));
  const { track: _byApply, ...base } = updateRequestBase(env, ctx, dryRun);
  try {
    const { item } = await env.writer.update(entry, {
      ...base,
      transform: async (current) => toStorage(ctx, await merge(current.object)),
    });
    await sendItem(ctx, 200, item);
  } catch (error) {
    // An object with a uid or resourceVersion is one that must exist.
    if (!isNotFound(error) || ctx.subresource || config.metadata.uid || config.metadata.resourceVersion) {
      throw error;
    }
    await sendItem(ctx, 201, await createDecoded(env, ctx, await merge(undefined), dryRun, { tracked: true }));
  }
}

/** Where a webhook converts, ownership is noted in the stored version: the configuration is taken there first. */
async function inTrackedVersion(ctx: RequestContext, config: KubeObject): Promise<KubeObject> {
  const { entry, served } = ctx;
  const copy = privateCopy(config);
  if (!served.convert) {
    return copy;
  }
  await prepareStored(served, copy);
  return privateCopy(toStored(entry, served, copy));
}

/** kubectl sends JSON, which is YAML too. */
function parse(ctx: RequestContext, body: Buffer): KubeObject {
  // JSON that is none may still be YAML ({a: b}).
  const config = (isJson(body) ? parseJson(body) : parseYamlBody(body, 'error decoding YAML')) as KubeObject;
  checkDuplicates(ctx, config);
  return config;
}

function isJson(body: Buffer): boolean {
  if (body[0] !== 0x7b) return false;
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    // Flow style, or broken: the YAML parser says which.
    return false;
  }
}

/** Keys that are set twice are refused or warned of as fieldValidation says. @throws StatusError BadRequest */
function checkDuplicates(ctx: RequestContext, config: unknown): void {
  const validation = fieldValidationOf(ctx.info.query);
  const found = typeof config === 'object' && config !== null ? yamlProblems(config) : [];
  if (found.length === 0 || validation === 'Ignore') return;
  const text = `error converting YAML to JSON: yaml: unmarshal errors:\n  ${found.join('\n  ')}`;
  if (validation === 'Strict') throw newBadRequest(`error strict decoding YAML: ${text}`);
  ctx.warn(text);
}
