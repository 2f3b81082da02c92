import { newBadRequest, newNotFound } from '@kubelab/apimachinery';
import { selectionOf } from '../registry/selection.js';
import { groupResource } from '../registry/store-errors.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { validateListOptions } from './list-options.js';
import { sendItem, sendList } from './represent.js';

/** GET of one object. */
export async function getHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { info, entry } = ctx;
  const version = info.query.get('resourceVersion') ?? undefined;
  const item = await env.reader.get(entry, info.namespace, info.name, version || undefined);
  if (!item) {
    throw newNotFound(groupResource(entry), info.name);
  }
  await sendItem(ctx, 200, item);
}

/** GET of a collection. */
export async function listHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { info, entry } = ctx;
  const limit = limitOf(info.query);
  validateListOptions(info.query);
  const result = await env.reader.list(entry, {
    namespace: info.namespace,
    selection: selectionOf(entry, info.query),
    limit,
    continueToken: info.query.get('continue') || undefined,
    resourceVersion: info.query.get('resourceVersion') || undefined,
    resourceVersionMatch: info.query.get('resourceVersionMatch') || undefined,
  });
  await sendList(ctx, result.items, {
    resourceVersion: result.resourceVersion,
    ...(result.continueToken ? { continue: result.continueToken } : {}),
    ...(result.remainingItemCount === undefined ? {} : { remainingItemCount: result.remainingItemCount }),
  });
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit');
  if (text === null || text === '') {
    return 0;
  }
  if (!/^-?\d+$/.test(text)) {
    throw newBadRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Math.max(0, Number(text));
}
