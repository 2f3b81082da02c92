import type { ResourceVersion } from '@kubelab/api';
import type { KubeObject } from '@kubelab/apimachinery';
import { type TrackedWrite, trackFields } from '../apply/index.js';
import type { RequestContext } from './context.js';
import { fieldManagerOf } from './write-options.js';

/** Who writes, for managedFields. @throws StatusError Invalid for a bad fieldManager */
export function trackedWrite(ctx: RequestContext): TrackedWrite {
  return {
    entry: ctx.entry,
    served: trackedVersion(ctx),
    subresource: ctx.info.subresource,
    manager: fieldManagerOf(ctx.info.query, ctx.req.headers['user-agent']),
  };
}

/** Ownership is noted in the version of the request, but where a webhook converts in the stored one. */
function trackedVersion(ctx: RequestContext): ResourceVersion {
  const { entry, served } = ctx;
  if (!served.convert) {
    return served;
  }
  const stored = entry.versions.find((v) => v.version === entry.storageVersion) ?? served;
  const { convert: _byWebhook, ...plain } = stored;
  return plain;
}

/** Notes in the object's managedFields what the request changed. */
export function tracker(ctx: RequestContext): (object: KubeObject, old?: KubeObject) => void {
  const write = trackedWrite(ctx);
  return (object, old) => trackFields(write, object, old);
}
