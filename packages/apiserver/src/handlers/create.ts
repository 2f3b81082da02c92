import type { KubeObject } from '@kubelab/apimachinery';
import { runMutating, runValidating } from './admit.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { checkNames, readObject, toStorage } from './decode.js';
import { sendItem } from './represent.js';
import { tracker } from './track.js';
import { dryRunOf } from './write-options.js';

/** POST to a collection. */
export async function createHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { info } = ctx;
  const dryRun = dryRunOf(info.query.getAll('dryRun'));
  const object = await readObject(ctx);
  checkNames(ctx, object, false);
  const item = await createDecoded(env, ctx, object, dryRun);
  await sendItem(ctx, 201, item);
}

/**
 * Creates an object that was decoded in the client's version; also for PUT and apply to a name that is not there.
 * @param o.tracked managedFields are set already (apply)
 */
export async function createDecoded(
  env: HandlerEnvironment,
  ctx: RequestContext,
  object: KubeObject,
  dryRun: boolean,
  o: { tracked?: boolean } = {},
) {
  const { entry, info } = ctx;
  const stored = await toStorage(ctx, object);
  for (const warning of entry.strategy.warningsOnCreate?.(stored) ?? []) {
    ctx.warn(warning);
  }
  return env.writer.create(entry, {
    namespace: info.namespace,
    object: stored,
    dryRun,
    context: strategyContext(ctx),
    ...(o.tracked ? {} : { track: tracker(ctx) }),
    mutate: (candidate) => runMutating(env, ctx, 'CREATE', candidate, undefined, dryRun),
    admit: (final) => runValidating(env, ctx, 'CREATE', final, undefined, dryRun),
  });
}

export function strategyContext(ctx: RequestContext) {
  return {
    namespace: ctx.info.namespace,
    version: ctx.served.version,
    ...(ctx.info.subresource ? { subresource: ctx.info.subresource } : {}),
    user: { name: ctx.user.name, groups: ctx.user.groups },
  };
}
