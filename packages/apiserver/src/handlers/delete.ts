import { FieldPath, field, type KubeObject, newBadRequest, newInvalid, type Status } from '@kubelab/apimachinery';
import type { CacheItem } from '@kubelab/storage';
import type { DeleteRequestOptions } from '../registry/deletion.js';
import { selectionOf } from '../registry/selection.js';
import { isTrue } from '../request-info.js';
import { runValidating } from './admit.js';
import { parseBody, readBody } from './body.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { validateListOptions } from './list-options.js';
import { sendAnswer, sendItem, sendList } from './represent.js';
import { dryRunOf } from './write-options.js';

/** Kinds that are answered as they were at their deletion; all others with a Status (DeleteReturnsDeletedObject). */
const returnsObject = new Set([
  'pods',
  'services',
  'serviceaccounts',
  'persistentvolumes',
  'persistentvolumeclaims',
  'podtemplates',
  'resourcequotas',
  'storageclasses',
  'csinodes',
  'csidrivers',
  'volumeattachments',
  'priorityclasses',
  'podsecuritypolicies',
]);

/** DELETE of one object. */
export async function deleteHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { entry, info } = ctx;
  const options = await readDeleteOptions(ctx);
  const { item, deleted } = await env.writer.delete(entry, {
    namespace: info.namespace,
    name: info.name,
    options,
    admit: (old) => runValidating(env, ctx, 'DELETE', undefined, old, options.dryRun),
  });
  if (!deleted || returnsObject.has(entry.resource)) {
    await sendItem(ctx, 200, item);
    return;
  }
  await sendAnswer(ctx, 200, deletedStatus(ctx, item));
}

function deletedStatus(ctx: RequestContext, item: CacheItem): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: ctx.info.name,
      ...(ctx.entry.group ? { group: ctx.entry.group } : {}),
      kind: ctx.entry.resource,
      uid: item.object.metadata.uid,
    },
  };
}

/** DELETE of a collection: every object that is selected, each with the same options. */
export async function deleteCollectionHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { entry, info } = ctx;
  validateListOptions(info.query);
  const options = await readDeleteOptions(ctx);
  const { items } = await env.reader.list(entry, {
    namespace: info.namespace,
    selection: selectionOf(entry, info.query),
    limit: 0,
  });
  const width = 32;
  for (let i = 0; i < items.length; i += width) {
    await Promise.all(items.slice(i, i + width).map((item) => deleteOne(env, ctx, item.object, options)));
  }
  await sendList(ctx, items, { resourceVersion: String(env.cache.revision) });
}

async function deleteOne(
  env: HandlerEnvironment,
  ctx: RequestContext,
  object: KubeObject,
  options: DeleteRequestOptions,
): Promise<void> {
  try {
    await env.writer.delete(ctx.entry, {
      namespace: object.metadata.namespace ?? '',
      name: object.metadata.name ?? '',
      options,
      admit: (old) => runValidating(env, ctx, 'DELETE', undefined, old, options.dryRun),
    });
  } catch (error) {
    // Another client deleted it in the meantime.
    if ((error as { code?: number }).code !== 404) {
      throw error;
    }
  }
}

/** DeleteOptions come in the body, or as query parameters. @throws StatusError BadRequest, Invalid */
export async function readDeleteOptions(ctx: RequestContext): Promise<DeleteRequestOptions> {
  const body = await readBody(ctx.req);
  const { query } = ctx.info;
  const raw = body.length > 0 ? parseBody(ctx.req, body) : fromQuery(query);
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw newBadRequest('the body of a delete must be DeleteOptions');
  }
  return deleteOptionsOf(raw as Record<string, unknown>, query);
}

function fromQuery(query: URLSearchParams): Record<string, unknown> {
  const grace = query.get('gracePeriodSeconds');
  return {
    ...(grace ? { gracePeriodSeconds: Number(grace) } : {}),
    ...(query.get('propagationPolicy') ? { propagationPolicy: query.get('propagationPolicy') } : {}),
    ...(query.get('orphanDependents') ? { orphanDependents: isTrue(query.get('orphanDependents')) } : {}),
  };
}

export function deleteOptionsOf(raw: Record<string, unknown>, query: URLSearchParams): DeleteRequestOptions {
  const { kind } = raw;
  if (kind !== undefined && kind !== 'DeleteOptions') {
    throw newBadRequest(`decoded object cannot be converted to DeleteOptions: it is a ${String(kind)}`);
  }
  const grace = raw.gracePeriodSeconds ?? undefined;
  if (grace !== undefined && !Number.isSafeInteger(grace)) {
    throw newBadRequest('DeleteOptions cannot be handled: gracePeriodSeconds must be an integer');
  }
  const errors = [];
  const policy = raw.propagationPolicy ?? undefined;
  if (policy !== undefined && !['Orphan', 'Background', 'Foreground'].includes(policy as string)) {
    errors.push(
      field.notSupported(FieldPath.of('propagationPolicy'), policy, ['Foreground', 'Background', 'Orphan', 'nil']),
    );
  }
  const orphan = raw.orphanDependents ?? undefined;
  if (orphan !== undefined && policy !== undefined) {
    errors.push(
      field.invalid(
        FieldPath.of('propagationPolicy'),
        policy,
        'orphanDependents and deletionPropagation cannot be both set',
      ),
    );
  }
  if (errors.length > 0) {
    throw newInvalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  }
  const dryRun = [...(Array.isArray(raw.dryRun) ? raw.dryRun.map(String) : []), ...query.getAll('dryRun')];
  const fromOrphan = orphan === undefined ? undefined : orphan ? 'Orphan' : 'Background';
  return {
    gracePeriodSeconds: grace as number | undefined,
    propagationPolicy: (policy as DeleteRequestOptions['propagationPolicy']) ?? fromOrphan,
    preconditions: preconditionsOf(raw.preconditions),
    dryRun: dryRunOf(dryRun),
  };
}

function preconditionsOf(raw: unknown): DeleteRequestOptions['preconditions'] {
  if (typeof raw !== 'object' || raw === null) {
    return undefined;
  }
  const { uid, resourceVersion } = raw as { uid?: unknown; resourceVersion?: unknown };
  return {
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  };
}
