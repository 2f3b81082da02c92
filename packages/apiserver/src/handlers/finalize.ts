import { type KubeObject, newBadRequest } from '@kubelab/apimachinery';
import { privateCopy } from './admit.js';
import { parseBody, readBody } from './body.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { strategyContext } from './create.js';
import { checkNames, decodeObject } from './decode.js';
import { sendItem } from './represent.js';
import { dryRunOf } from './write-options.js';

/** PUT of namespaces/NAME/finalize: sets spec.finalizers, and with the last one gone removes the namespace. */
export async function finalizeHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { info, entry, req } = ctx;
  const dryRun = dryRunOf(info.query.getAll('dryRun'));
  const object = decodeObject(ctx, parseBody(req, await readBody(req)));
  checkNames(ctx, object, true);
  const finalizers = (object.spec as { finalizers?: string[] } | undefined)?.finalizers ?? [];
  if (!Array.isArray(finalizers)) {
    throw newBadRequest('spec.finalizers must be an array');
  }
  const { item } = await env.writer.update(entry, {
    namespace: '',
    name: info.name,
    dryRun,
    raw: true,
    context: strategyContext(ctx),
    transform: (current) => {
      const next: KubeObject = privateCopy(current.object);
      next.spec = { ...(next.spec as object | undefined), finalizers };
      next.metadata.resourceVersion = object.metadata.resourceVersion;
      next.metadata.uid = object.metadata.uid ?? next.metadata.uid;
      return next;
    },
  });
  await sendItem(ctx, 200, item);
}
