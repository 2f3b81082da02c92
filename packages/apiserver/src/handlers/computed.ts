import { type KubeObject, newNotFound } from '@kubelab/apimachinery';
import { CacheItem } from '@kubelab/storage';
import { selectionOf } from '../registry/selection.js';
import { groupResource } from '../registry/store-errors.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { sendItem, sendList } from './represent.js';

/** Makes the objects of a resource that is not stored, all of them. */
export type ObjectSource = () => Promise<KubeObject[]>;

const itemOf = (object: KubeObject): CacheItem => new CacheItem(object.metadata.name ?? '', 0, object);

/** GET of one object of a resource that is computed when it is asked for. */
export function computedGet(source: ObjectSource) {
  return async (_env: HandlerEnvironment, ctx: RequestContext): Promise<void> => {
    const found = (await source()).find((object) => object.metadata.name === ctx.info.name);
    if (!found) throw newNotFound(groupResource(ctx.entry), ctx.info.name);
    await sendItem(ctx, 200, itemOf(found));
  };
}

/** GET of the collection of such a resource. */
export function computedList(source: ObjectSource) {
  return async (_env: HandlerEnvironment, ctx: RequestContext): Promise<void> => {
    const selection = selectionOf(ctx.entry, ctx.info.query);
    const objects = (await source()).filter((object) => selection.matches(object));
    // CacheItem keeps its object weakly: `objects` holds them until they are sent.
    await sendList(ctx, objects.map(itemOf), {});
  };
}
