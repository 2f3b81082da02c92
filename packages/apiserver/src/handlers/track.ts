import type { KubeObject } from '@kubelab/apimachinery';
import { type TrackedWrite, trackFields } from '../apply/index.js';
import type { RequestContext } from './context.js';
import { fieldManagerOf } from './write-options.js';

/** Who writes, for managedFields. @throws StatusError Invalid for a bad fieldManager */
export function trackedWrite(ctx: RequestContext): TrackedWrite {
  return {
    entry: ctx.entry,
    served: ctx.served,
    subresource: ctx.info.subresource,
    manager: fieldManagerOf(ctx.info.query, ctx.req.headers['user-agent']),
  };
}

/** Notes in the object's managedFields what the request changed. */
export function tracker(ctx: RequestContext): (object: KubeObject, old?: KubeObject) => void {
  const write = trackedWrite(ctx);
  return (object, old) => trackFields(write, object, old);
}
