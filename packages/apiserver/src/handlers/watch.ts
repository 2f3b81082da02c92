import { setImmediate as nextTurn } from 'node:timers/promises';
import { type KubeObject, newResourceExpired, StatusError } from '@kubelab/apimachinery';
import { type CacheEvent, type CacheItem, CompactedError } from '@kubelab/storage';
import { columnsOf, toPartialObjectMetadata, toTable } from '../printing/table.js';
import { collectionPrefix } from '../registry/keys.js';
import { withPrepared } from '../registry/prepared-conversion.js';
import { parseResourceVersion } from '../registry/reader.js';
import { type Selection, selectionOf } from '../registry/selection.js';
import { encodeItem, groupVersionText, toServed } from '../registry/versioning.js';
import { isTrue } from '../request-info.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { validateWatchOptions } from './list-options.js';
import { protobufType, type Representation } from './negotiate.js';
import { includeObjectOf } from './represent.js';
import { drained, type EventType, eventFrame, protobufFrame, sharedFrame, writeFrame } from './watch-frames.js';

const bookmarkMs = 60_000;
/** A client that has this much unread is too slow: its watch is ended and it starts again, the server goes on. */
const maxUnreadBytes = 8 * 1024 * 1024;

/** GET ?watch=true: the changes of a collection as a stream of JSON lines. */
export async function watchHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { info, entry, res } = ctx;
  const query = info.query;
  const { representation } = ctx;
  const selection = selectionOf(entry, query);
  const start = await startOf(env, query);
  const watch = new Watch(env, ctx, selection, representation);
  res.writeHead(200, {
    'Content-Type': contentTypeOf(representation),
    'Cache-Control': 'no-cache, private',
    'Transfer-Encoding': 'chunked',
  });
  res.flushHeaders();
  ctx.begun?.();
  const timeout = setTimeout(() => watch.end(), timeoutMs(env, query));
  const bookmarks = isTrue(query.get('allowWatchBookmarks'))
    ? setInterval(() => watch.bookmark(), bookmarkMs)
    : undefined;
  try {
    await watch.run(start);
  } finally {
    clearTimeout(timeout);
    clearInterval(bookmarks);
  }
}

function contentTypeOf({ format, as }: Representation): string {
  if (format === 'protobuf') {
    return `${protobufType};stream=watch`;
  }
  return as === 'object' ? 'application/json' : 'application/json;stream=watch';
}

interface Start {
  /** Send what exists first. */
  initial: boolean;
  /** Changes after this revision; with `initial` those after the state that was sent. */
  revision: number;
  /** Tell by a bookmark when what exists has been sent (KEP-3157). */
  initialBookmark: boolean;
}

async function startOf(env: HandlerEnvironment, query: URLSearchParams): Promise<Start> {
  validateWatchOptions(query);
  const version = query.get('resourceVersion') ?? '';
  const sendInitial = query.get('sendInitialEvents');
  if (isTrue(sendInitial)) {
    await env.reader.freshEnough(version || undefined);
    const initialBookmark = isTrue(query.get('allowWatchBookmarks'));
    return { initial: true, revision: env.cache.revision, initialBookmark };
  }
  if (version === '' || version === '0') {
    if (version === '') {
      await env.reader.freshEnough(undefined);
    }
    return { initial: sendInitial === null, revision: env.cache.revision, initialBookmark: false };
  }
  const revision = parseResourceVersion(version);
  if (revision > env.cache.revision) {
    await env.reader.freshEnough(version);
  }
  return { initial: false, revision, initialBookmark: false };
}

function timeoutMs(env: HandlerEnvironment, query: URLSearchParams): number {
  const asked = Number(query.get('timeoutSeconds') ?? 0);
  const least = env.minRequestTimeoutSeconds;
  // Spread, so that the watches that came after a restart do not all come back at once.
  const seconds = asked > 0 ? asked : least * (1 + Math.random());
  return Math.min(seconds * 1000, 2 ** 31 - 1);
}

/** One client's watch. */
class Watch {
  private finish: () => void = () => undefined;
  private readonly finished = new Promise<void>((resolve) => {
    this.finish = resolve;
  });
  private readonly prefix: string;
  private tableHeadSent = false;
  private lastRevision = 0;
  private turn: Promise<void> = Promise.resolve();
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly env: HandlerEnvironment,
    private readonly ctx: RequestContext,
    private readonly selection: Selection,
    private readonly representation: Representation,
  ) {
    this.prefix = collectionPrefix(ctx.entry, ctx.info.namespace);
    ctx.res.on('close', () => this.end());
  }

  /** Sends until end() is called or the client goes. */
  async run(start: Start): Promise<void> {
    const cache = this.env.cache.resource(this.ctx.entry.storagePrefix);
    try {
      if (start.initial) {
        const items = cache.list(this.prefix);
        this.lastRevision = this.env.cache.revision;
        // Subscribed in the same turn as the list is taken: nothing is missed, and what comes is queued behind it.
        const queued: CacheEvent[] = [];
        let sendingInitial = true;
        this.unsubscribe = cache.subscribe((event) => (sendingInitial ? queued.push(event) : this.send(event)));
        await this.sendInitial(items);
        if (start.initialBookmark) {
          this.bookmark(true);
        }
        for (const event of queued) {
          this.send(event);
        }
        sendingInitial = false;
      } else {
        const missed = cache.eventsSince(start.revision);
        this.lastRevision = start.revision;
        for (const event of missed) {
          this.send(event);
        }
        this.unsubscribe = cache.subscribe((event) => this.send(event));
      }
      await this.finished;
    } catch (error) {
      this.sendError(error);
    } finally {
      this.unsubscribe();
      if (!this.ctx.res.writableEnded) {
        this.ctx.res.end();
      }
    }
  }

  end(): void {
    this.unsubscribe();
    this.finish();
  }

  /** Tells the client up to which version it has seen everything. */
  bookmark(initialEventsEnd = false): void {
    const { entry, served } = this.ctx;
    // The cache may be newer than what was sent only by changes that this watch does not select.
    const resourceVersion = String(Math.max(this.env.cache.revision, this.lastRevision));
    const annotations = initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    const object = {
      kind: entry.kind,
      apiVersion: groupVersionText(entry.group, served.version),
      metadata: { resourceVersion, creationTimestamp: null, ...annotations },
    } as KubeObject;
    this.write('BOOKMARK', object);
  }

  private async sendInitial(items: CacheItem[]): Promise<void> {
    await withPrepared(this.ctx.served, items, () => this.sendPrepared(items));
  }

  private async sendPrepared(items: CacheItem[]): Promise<void> {
    for (let i = 0; i < items.length; i++) {
      const item = items[i] as CacheItem;
      if (this.selection.all || this.selection.matchesItem(item)) {
        this.writeItem('ADDED', item);
      }
      if (i % 500 === 499) {
        // Other requests get their turn, and a client that reads slowly is waited for.
        await nextTurn();
        await drained(this.ctx.res);
      }
    }
  }

  /** Sends an event; where a webhook converts, after those before it and after its conversion. */
  private send(event: CacheEvent): void {
    const { served } = this.ctx;
    if (!served.convert) {
      this.sendNow(event);
      return;
    }
    const items = [event.current, event.previous].filter((item) => item !== undefined);
    this.turn = this.turn
      .then(() => withPrepared(served, items, () => this.sendNow(event)))
      .catch((error: unknown) => {
        this.sendError(error);
        this.end();
      });
  }

  private sendNow(event: CacheEvent): void {
    const key = (event.current ?? event.previous)?.key ?? '';
    if (!key.startsWith(this.prefix)) {
      return;
    }
    this.lastRevision = event.revision;
    const is = event.current !== undefined && (this.selection.all || this.selection.matchesItem(event.current));
    const was = event.previous !== undefined && (this.selection.all || this.selection.matchesItem(event.previous));
    if (is || was) {
      this.writeEvent(event, is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED');
    }
    if (this.ctx.res.writableLength > maxUnreadBytes) {
      this.env.logger.warn('A watch is too slow and is ended', { path: this.ctx.info.path, user: this.ctx.user.name });
      this.ctx.res.destroy();
      this.end();
    }
  }

  private writeEvent(event: CacheEvent, type: EventType): void {
    const { entry, served, res } = this.ctx;
    if (this.representation.as !== 'object') {
      const object = type === 'DELETED' ? this.lastSeen(event) : this.shown(event.current as CacheItem);
      this.write(type, object);
      return;
    }
    const { format } = this.representation;
    const key = `${format} ${type} ${entry.group}/${served.version}/${served.schemaName}`;
    const make = () => {
      if (type === 'DELETED') {
        return this.frame(type, this.lastSeen(event));
      }
      const item = event.current as CacheItem;
      return format === 'json' ? eventFrame(type, encodeItem(entry, served, item)) : this.frame(type, this.shown(item));
    };
    writeFrame(res, sharedFrame(event, key, make));
  }

  /** What leaves the selection, or is deleted, is shown as it was, with the version of the change. */
  private lastSeen(event: CacheEvent): KubeObject {
    const object = toServed(this.ctx.entry, this.ctx.served, (event.previous as CacheItem).object);
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(event.revision) } };
  }

  private shown(item: CacheItem): KubeObject {
    return toServed(this.ctx.entry, this.ctx.served, item.object);
  }

  private writeItem(type: EventType, item: CacheItem): void {
    const { as, format } = this.representation;
    if (as === 'object' && format === 'json') {
      writeFrame(this.ctx.res, eventFrame(type, encodeItem(this.ctx.entry, this.ctx.served, item)));
    } else {
      this.write(type, this.shown(item));
    }
  }

  /** The object as rows, as its metadata, or itself. */
  private represent(object: KubeObject): object {
    const { as, metaVersion } = this.representation;
    if (as === 'Table') {
      const columns = columnsOf(this.ctx.entry, this.ctx.served.version);
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      const include = includeObjectOf(this.ctx.info.query);
      const table = toTable(columns, [object], metadata, include, !this.tableHeadSent);
      this.tableHeadSent = true;
      return table;
    }
    return as === 'object' ? object : toPartialObjectMetadata(object, metaVersion);
  }

  private write(type: EventType, object: KubeObject): void {
    writeFrame(this.ctx.res, this.frame(type, this.represent(object)));
  }

  private frame(type: EventType, object: object): Buffer {
    return this.representation.format === 'protobuf'
      ? protobufFrame(type, object)
      : eventFrame(type, Buffer.from(JSON.stringify(object)));
  }

  private sendError(error: unknown): void {
    const status =
      error instanceof StatusError
        ? error.status
        : error instanceof CompactedError
          ? newResourceExpired(error.message).status
          : undefined;
    if (!status) {
      throw error;
    }
    writeFrame(this.ctx.res, this.frame('ERROR', status));
  }
}
