import { isNotFound, type KubeObject } from '@kubelab/apimachinery';
import { privateCopy, runMutating, runValidating } from './admit.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { createDecoded, strategyContext } from './create.js';
import { checkNames, readObject, toStorage } from './decode.js';
import { sendItem } from './represent.js';
import { tracker } from './track.js';
import { dryRunOf } from './write-options.js';

/** PUT of an object, or of its status or another subresource that is written as the object itself. */
export async function updateHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { info, entry } = ctx;
  const dryRun = dryRunOf(info.query.getAll('dryRun'));
  const object = await readObject(ctx);
  checkNames(ctx, object, true);
  const stored = await toStorage(ctx, privateCopy(object));
  try {
    const { item } = await env.writer.update(entry, {
      ...updateRequestBase(env, ctx, dryRun),
      transform: (current) => {
        for (const warning of entry.strategy.warningsOnUpdate?.(stored, current.object) ?? []) {
          ctx.warn(warning);
        }
        return privateCopy(stored);
      },
    });
    await sendItem(ctx, 200, item);
  } catch (error) {
    if (!isNotFound(error) || !entry.allowCreateOnUpdate || ctx.subresource) {
      throw error;
    }
    delete object.metadata.resourceVersion;
    await sendItem(ctx, 201, await createDecoded(env, ctx, object, dryRun));
  }
}

/** The parts of an update that all kinds of it share. */
export function updateRequestBase(env: HandlerEnvironment, ctx: RequestContext, dryRun: boolean) {
  return {
    namespace: ctx.info.namespace,
    name: ctx.info.name,
    subresource: ctx.subresource,
    dryRun,
    context: strategyContext(ctx),
    track: tracker(ctx),
    mutate: (candidate: KubeObject, old: KubeObject) => runMutating(env, ctx, 'UPDATE', candidate, old, dryRun),
    admit: (final: KubeObject, old: KubeObject) => runValidating(env, ctx, 'UPDATE', final, old, dryRun),
  };
}
