import type { KubeObject } from '@kubelab/apimachinery';
import type {
  ApiList,
  ApiObject,
  DeleteOptions,
  GetOptions,
  Gvr,
  ListOptions,
  PatchOptions,
  PatchType,
  ResourceClient,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from '../types.js';
import type { Client, Query } from './client.js';
import { watchStream } from './watch.js';

const patchContentTypes: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** Path of a collection: `/api/v1/namespaces/default/pods`, `/apis/apps/v1/deployments`. */
export function collectionPath(gvr: Gvr, namespace?: string): string {
  const base = gvr.group ? `/apis/${gvr.group}/${gvr.version}` : `/api/${gvr.version}`;
  return namespace ? `${base}/namespaces/${encodeURIComponent(namespace)}/${gvr.resource}` : `${base}/${gvr.resource}`;
}

/** ResourceClient over REST. An object's own namespace is used where the client was not narrowed to one. */
export class RestResourceClient<T extends ApiObject> implements ResourceClient<T> {
  constructor(
    private readonly client: Client,
    private readonly gvr: Gvr,
    private readonly ns?: string,
  ) {}

  namespace(namespace: string): ResourceClient<T> {
    return new RestResourceClient<T>(this.client, this.gvr, namespace || undefined);
  }

  get(name: string, options: GetOptions = {}): Promise<T> {
    const { signal, ...query } = options;
    return this.client.request<T>('GET', this.path(name), { query, signal });
  }

  async list(options: ListOptions = {}): Promise<ApiList<T>> {
    const { signal, ...query } = options;
    const list = await this.client.request<ApiList<T>>('GET', this.path(), { query, signal });
    list.items ??= [];
    const kind = list.kind?.replace(/List$/, '');
    for (const item of list.items) {
      item.apiVersion ??= list.apiVersion;
      item.kind ??= kind;
    }
    return list;
  }

  async *watch(options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    for await (const batch of this.watchBatches(options)) yield* batch;
  }

  watchBatches(options: WatchOptions): AsyncIterable<WatchEvent<T>[]> {
    const { signal, ...query } = options;
    return watchStream<T>(this.client, this.path(), { ...query, watch: true }, signal);
  }

  create(object: T, options?: WriteOptions): Promise<T> {
    return this.write('POST', this.path('', undefined, object), object, options);
  }

  update(object: T, options?: WriteOptions): Promise<T> {
    return this.write('PUT', this.path(nameOf(object), undefined, object), object, options);
  }

  updateStatus(object: T, options?: WriteOptions): Promise<T> {
    return this.write('PUT', this.path(nameOf(object), 'status', object), object, options);
  }

  patch(name: string, body: unknown, options: PatchOptions): Promise<T> {
    return this.client.request<T>('PATCH', this.path(name, options.subresource), {
      query: { ...writeQuery(options), force: options.force },
      body,
      contentType: patchContentTypes[options.type],
      signal: options.signal,
    });
  }

  delete(name: string, options?: DeleteOptions): Promise<T | KubeObject> {
    return this.client.request('DELETE', this.path(name), { body: deleteBody(options), signal: options?.signal });
  }

  async deleteCollection(options?: DeleteOptions, listOptions: ListOptions = {}): Promise<void> {
    const { signal, ...query } = listOptions;
    await this.client.request('DELETE', this.path(), {
      query,
      body: deleteBody(options),
      signal: options?.signal ?? signal,
    });
  }

  subresource<R = KubeObject>(name: string, subresource: string, method: string, body?: unknown): Promise<R> {
    return this.client.request<R>(method, this.path(name, subresource), { body });
  }

  private write(method: string, path: string, body: T, options: WriteOptions | undefined): Promise<T> {
    return this.client.request<T>(method, path, { query: writeQuery(options), body, signal: options?.signal });
  }

  private path(name = '', subresource?: string, object?: ApiObject): string {
    const base = collectionPath(this.gvr, this.ns ?? object?.metadata?.namespace);
    if (!name) return base;
    return `${base}/${encodeURIComponent(name)}${subresource ? `/${subresource}` : ''}`;
  }
}

function nameOf(object: ApiObject): string {
  const name = object.metadata?.name;
  if (!name) throw new Error('metadata.name is required for an update');
  return name;
}

function writeQuery(options: WriteOptions | undefined): Query {
  return {
    fieldManager: options?.fieldManager,
    fieldValidation: options?.fieldValidation,
    dryRun: options?.dryRun ? 'All' : undefined,
  };
}

function deleteBody(options: DeleteOptions | undefined): object | undefined {
  if (!options) return undefined;
  const { signal: _, dryRun, ...rest } = options;
  return { kind: 'DeleteOptions', apiVersion: 'v1', ...rest, ...(dryRun ? { dryRun: ['All'] } : {}) };
}
