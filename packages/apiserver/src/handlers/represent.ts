import type { KubeObject, ListMeta } from '@kubelab/apimachinery';
import type { CacheItem } from '@kubelab/storage';
import {
  columnsOf,
  type IncludeObject,
  toPartialObjectMetadata,
  toPartialObjectMetadataList,
  toTable,
} from '../printing/table.js';
import { withPrepared } from '../registry/prepared-conversion.js';
import { encodeItem, groupVersionText, toServed } from '../registry/versioning.js';
import type { RequestContext } from './context.js';
import { sendBytes, sendObject } from './respond.js';

export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject');
  return value === 'None' || value === 'Object' ? value : 'Metadata';
}

/** Answers with one cached object, its encoded bytes where the client takes the object itself. */
export function sendItem(ctx: RequestContext, code: number, item: CacheItem): Promise<void> {
  if (ctx.served.convert) {
    return withPrepared(ctx.served, [item], () => sendPrepared(ctx, code, item));
  }
  return sendPrepared(ctx, code, item);
}

function sendPrepared(ctx: RequestContext, code: number, item: CacheItem): Promise<void> {
  const { representation } = ctx;
  if (representation.as === 'object' && representation.format === 'json') {
    return sendBytes(ctx.req, ctx.res, code, encodeItem(ctx.entry, ctx.served, item));
  }
  return sendKubeObject(ctx, code, toServed(ctx.entry, ctx.served, item.object));
}

/** Answers with what has no rows and no metadata of its own: a Status, a review. */
export function sendAnswer(ctx: RequestContext, code: number, answer: object): Promise<void> {
  return sendObject(ctx.req, ctx.res, code, answer, ctx.representation.format);
}

/** Answers with an object that is in the client's version already. */
export function sendKubeObject(ctx: RequestContext, code: number, object: KubeObject): Promise<void> {
  const { format, as, metaVersion } = ctx.representation;
  if (as === 'Table' && object.kind === ctx.entry.kind) {
    const metadata = { resourceVersion: object.metadata?.resourceVersion };
    const columns = columnsOf(ctx.entry, ctx.served.version);
    const table = toTable(columns, [object], metadata, includeObjectOf(ctx.info.query));
    return sendObject(ctx.req, ctx.res, code, table, format);
  }
  if (as === 'PartialObjectMetadata') {
    return sendObject(ctx.req, ctx.res, code, toPartialObjectMetadata(object, metaVersion), format);
  }
  return sendObject(ctx.req, ctx.res, code, object, format);
}

/** Answers with a list: joined from the encoded bytes of its objects, or as rows or metadata. */
export function sendList(ctx: RequestContext, items: CacheItem[], metadata: ListMeta): Promise<void> {
  if (ctx.served.convert) {
    return withPrepared(ctx.served, items, () => sendPreparedList(ctx, items, metadata));
  }
  return sendPreparedList(ctx, items, metadata);
}

function sendPreparedList(ctx: RequestContext, items: CacheItem[], metadata: ListMeta): Promise<void> {
  const { format, as, metaVersion } = ctx.representation;
  const { entry, served } = ctx;
  if (as === 'object' && format === 'json') {
    return sendBytes(ctx.req, ctx.res, 200, joinList(ctx, items, metadata));
  }
  const objects = items.map((item) => toServed(entry, served, item.object));
  if (as === 'Table') {
    const columns = columnsOf(entry, served.version);
    return sendObject(
      ctx.req,
      ctx.res,
      200,
      toTable(columns, objects, metadata, includeObjectOf(ctx.info.query)),
      format,
    );
  }
  if (as === 'PartialObjectMetadataList' || as === 'PartialObjectMetadata') {
    return sendObject(ctx.req, ctx.res, 200, toPartialObjectMetadataList(objects, metadata, metaVersion), format);
  }
  const apiVersion = groupVersionText(entry.group, served.version);
  const shown = served.schema ? objects : objects.map(withoutKind);
  return sendObject(ctx.req, ctx.res, 200, { kind: entry.listKind, apiVersion, metadata, items: shown }, format);
}

/** Go lists objects of built-in kinds without their kind, which the list's tells; custom resources keep it. */
function withoutKind({ kind: _kind, apiVersion: _apiVersion, ...rest }: KubeObject): object {
  return rest;
}

const comma = Buffer.from(',');
const end = Buffer.from(']}');
const brace = Buffer.from('{');

function joinList(ctx: RequestContext, items: CacheItem[], metadata: ListMeta): Buffer {
  const { entry, served } = ctx;
  const apiVersion = groupVersionText(entry.group, served.version);
  const head = JSON.stringify({ kind: entry.listKind, apiVersion, metadata });
  const ownHead = served.schema
    ? undefined
    : Buffer.from(`{"kind":${JSON.stringify(entry.kind)},"apiVersion":${JSON.stringify(apiVersion)},`);
  const parts: Buffer[] = [Buffer.from(`${head.slice(0, -1)},"items":[`)];
  for (let i = 0; i < items.length; i++) {
    if (i > 0) {
      parts.push(comma);
    }
    const bytes = encodeItem(entry, served, items[i] as CacheItem);
    if (ownHead && bytes.subarray(0, ownHead.length).equals(ownHead)) {
      parts.push(brace, bytes.subarray(ownHead.length));
    } else {
      parts.push(bytes);
    }
  }
  parts.push(end);
  return Buffer.concat(parts);
}
