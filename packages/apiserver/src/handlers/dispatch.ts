import { hasProtobuf } from '@kubelab/api';
import {
  formatGroupResource,
  newGenericServerResponse,
  newMethodNotSupported,
  newPathNotFound,
} from '@kubelab/apimachinery';
import type { TokenRequestHandler } from '../authentication/index.js';
import type { ReviewHandler } from '../authorization/index.js';
import { groupResource } from '../registry/store-errors.js';
import { groupVersionText } from '../registry/versioning.js';
import { runMutating, runValidating } from './admit.js';
import { bindingHandler } from './binding.js';
import { parseBody, readBody } from './body.js';
import { computedGet, computedList, type ObjectSource } from './computed.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { createHandler } from './create.js';
import { checkNames, decodeObject } from './decode.js';
import { deleteCollectionHandler, deleteHandler } from './delete.js';
import { evictionHandler } from './eviction.js';
import { finalizeHandler } from './finalize.js';
import { isPlain, negotiate, plain, type Representation } from './negotiate.js';
import { patchHandler } from './patch.js';
import { getHandler, listHandler } from './read.js';
import { sendAnswer } from './represent.js';
import { scaleHandler } from './scale.js';
import { updateHandler } from './update.js';
import { watchHandler } from './watch.js';

type Handler = (env: HandlerEnvironment, ctx: RequestContext) => Promise<void>;

/** Handlers of what is not an object in etcd. */
export interface SpecialHandlers {
  /** By plural name: subjectaccessreviews, tokenreviews ... */
  reviews: Record<string, ReviewHandler>;
  tokenRequests?: TokenRequestHandler;
  /** By plural name: what is made when it is read (componentstatuses). */
  computed?: Record<string, ObjectSource>;
}

const mainHandlers: Record<string, Handler> = {
  get: getHandler,
  list: listHandler,
  watch: watchHandler,
  create: createHandler,
  update: updateHandler,
  patch: patchHandler,
  delete: deleteHandler,
  deletecollection: deleteCollectionHandler,
};

/** Subresources that are written and read as the object itself. */
const objectHandlers: Record<string, Handler> = { get: getHandler, update: updateHandler, patch: patchHandler };

const connectHandlers: Record<string, Record<string, Handler>> = {
  'pods/binding': { create: bindingHandler },
  'pods/eviction': { create: evictionHandler },
  'namespaces/finalize': { update: finalizeHandler },
  'certificatesigningrequests/approval': objectHandlers,
};

/** Serves an authorized request on a resource. @throws StatusError NotFound, MethodNotAllowed, or what the handler says */
export function dispatch(env: HandlerEnvironment, special: SpecialHandlers, ctx: RequestContext): Promise<void> {
  const handler = isRouted(ctx) ? handlerFor(special, ctx) : undefined;
  if (!handler) {
    // What a router says that has no such route.
    throw newGenericServerResponse(405, '', { group: '', resource: '' }, '', '', 0, false);
  }
  ctx.representation = representationOf(ctx);
  return handler(env, ctx);
}

/** @throws StatusError NotAcceptable */
function representationOf({ req, info, entry, served, subresource }: RequestContext): Representation {
  const { accept } = req.headers;
  if (isPlain(accept)) {
    return plain;
  }
  // Reviews are answered and forgotten: there is no list of them, and so no rows.
  const transforms = !(entry.virtual && info.verb === 'create');
  const isOwnKind = info.subresource === '' || isWrittenAsObject(subresource);
  const protobuf =
    !isOwnKind || (!served.schema && hasProtobuf(groupVersionText(entry.group, served.version), entry.kind));
  return negotiate(accept, { watch: info.verb === 'watch', transforms, protobuf });
}

function isWrittenAsObject(subresource: RequestContext['subresource']): boolean {
  return subresource?.type === 'status' || subresource?.type === 'spec';
}

/** Whether the path has the form that the verb needs: a name or none, and a namespace. */
function isRouted({ info, entry }: RequestContext): boolean {
  const collection = info.verb === 'create' || info.verb === 'deletecollection';
  if (info.subresource === '' && info.parts.length > 1 && collection) {
    return false;
  }
  if (info.parts.length === 1 && (info.verb === 'update' || info.verb === 'patch')) {
    return false;
  }
  return !entry.namespaced || info.namespace !== '' || info.verb === 'list' || info.verb === 'watch';
}

function handlerFor(special: SpecialHandlers, ctx: RequestContext): Handler | undefined {
  const { info, entry, subresource } = ctx;
  if (info.subresource === '') {
    if (entry.virtual) {
      return info.verb === 'create' ? virtualHandler(special, ctx) : computedHandler(special, ctx);
    }
    return entry.verbs.includes(info.verb) ? mainHandlers[info.verb] : undefined;
  }
  if (!subresource) {
    throw newPathNotFound();
  }
  if (subresource.type === 'scale') {
    return ['get', 'update', 'patch'].includes(info.verb) ? scaleHandler : undefined;
  }
  if (subresource.type === 'status' || subresource.type === 'spec') {
    return objectHandlers[info.verb];
  }
  const name = `${entry.resource}/${info.subresource}`;
  if (name === 'serviceaccounts/token' && info.verb === 'create') {
    return (env, context) => tokenHandler(special, env, context);
  }
  return connectHandlers[name]?.[info.verb];
}

function computedHandler(special: SpecialHandlers, { info, entry }: RequestContext): Handler | undefined {
  const source = special.computed?.[entry.resource];
  if (!source || !entry.verbs.includes(info.verb)) return undefined;
  return info.verb === 'get' ? computedGet(source) : computedList(source);
}

function virtualHandler(special: SpecialHandlers, ctx: RequestContext): Handler | undefined {
  const review = special.reviews[ctx.entry.resource];
  if (ctx.entry.resource === 'bindings') {
    return async (env, context) => {
      const pods = env.table.lookup('', 'v1', 'pods');
      if (!pods) {
        throw newPathNotFound();
      }
      // The pod's name is in the body here.
      const info = { ...context.info, name: '', subresource: 'binding', resource: 'pods' };
      await bindingHandler(env, { ...context, entry: pods, info });
    };
  }
  if (!review) {
    throw newPathNotFound();
  }
  return async (env, context) => {
    const object = decodeObject(context, parseBody(context.req, await readBody(context.req)));
    if (context.entry.namespaced) {
      checkNames(context, object, false);
    }
    context.entry.defaults?.(object, context.served.version);
    const mutated = await runMutating(env, context, 'CREATE', object, undefined, false);
    await runValidating(env, context, 'CREATE', mutated, undefined, false);
    const answer = await review(mutated, { user: context.user, namespace: context.info.namespace });
    await sendAnswer(context, 201, answer);
  };
}

async function tokenHandler(special: SpecialHandlers, env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  if (!special.tokenRequests) {
    throw newMethodNotSupported({ group: '', resource: formatGroupResource(groupResource(ctx.entry)) }, ctx.info.verb);
  }
  const expected = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
  const raw = parseBody(ctx.req, await readBody(ctx.req));
  const request = decodeObject(ctx, raw, expected);
  const admitted = await runMutating(env, ctx, 'CREATE', request, undefined, false);
  await runValidating(env, ctx, 'CREATE', admitted, undefined, false);
  const answer = await special.tokenRequests.create(ctx.info.namespace, ctx.info.name, admitted, ctx.user);
  await sendAnswer(ctx, 201, answer);
}
