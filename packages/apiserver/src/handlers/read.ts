import { FieldPath, field, newBadRequest, newInvalid, newNotFound } from '@kubelab/apimachinery';
import { selectionOf } from '../registry/selection.js';
import { groupResource } from '../registry/store-errors.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
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

/** The combinations that Kubernetes refuses (ValidateListOptions). */
function validateListOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch');
  const version = query.get('resourceVersion');
  const path = FieldPath.of('resourceVersionMatch');
  const refuse = (error: ReturnType<typeof field.forbidden>) =>
    newInvalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [error]);
  if (match) {
    if (query.get('continue')) {
      throw refuse(field.forbidden(path, 'resourceVersionMatch is forbidden when continue is provided'));
    }
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      throw refuse(field.notSupported(path, match, ['Exact', 'NotOlderThan', '']));
    }
    if (!version) {
      throw refuse(field.forbidden(path, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    }
    if (match === 'Exact' && version === '0') {
      throw refuse(field.forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (query.get('continue') && version && version !== '0') {
    throw newBadRequest('specifying resource version is not allowed when using continue');
  }
}
