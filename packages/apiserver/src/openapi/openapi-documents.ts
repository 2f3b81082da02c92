import {
  buildOpenApiV2,
  buildOpenApiV3,
  encodeGnostic,
  GNOSTIC_CONTENT_TYPE,
  type OpenApiV2,
  openApiV3Paths,
  type ResourceTable,
} from '@kubelab/api';
import type { RemoteDocuments } from '../aggregation/index.js';
import { CachedDocument, LazyDocument } from './document-cache.js';

const JSON_TYPE = 'application/json';
const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** What extension servers publish, by `apis/GROUP/VERSION`. */
export interface RemoteSource {
  remoteDocuments(): Map<string, RemoteDocuments>;
  onDocumentsChange(listener: () => void): void;
}

/** The OpenAPI documents of a resource table, kept up to date with it: what CRDs add is published with the next request. */
export class OpenApiDocuments {
  readonly v2Json = new LazyDocument(() => encode(this.v2()), JSON_TYPE);
  readonly v2Protobuf = new LazyDocument(() => encodeGnostic(this.v2()), GNOSTIC_CONTENT_TYPE);
  readonly v3Index = new LazyDocument(() => encode(this.index()), JSON_TYPE);
  readonly #v3 = new Map<string, LazyDocument>();
  readonly #remoteV3 = new Map<string, CachedDocument>();
  #v2: OpenApiV2 | undefined;
  readonly #stop: () => void;

  constructor(
    private readonly table: ResourceTable,
    private readonly remote?: RemoteSource,
  ) {
    remote?.onDocumentsChange(() => this.#invalidate());
    this.#stop = table.onChange(({ added, removed }) => {
      this.#invalidate();
      for (const entry of [added, removed]) {
        for (const { version } of entry?.versions ?? []) this.#v3.delete(`apis/${entry?.group}/${version}`);
      }
    });
  }

  #invalidate(): void {
    this.#v2 = undefined;
    for (const document of [this.v2Json, this.v2Protobuf, this.v3Index]) document.invalidate();
    this.#remoteV3.clear();
  }

  /** Stops following the table. */
  close(): void {
    this.#stop();
  }

  /** The v3 document below a path such as `apis/apps/v1`; undefined when nothing is served there. */
  v3(path: string): CachedDocument | undefined {
    const known = this.#v3.get(path);
    if (known) return known.get();
    const found = openApiV3Paths(this.table).find((p) => p.path === path);
    if (!found) return this.#remote(path);
    const build = (): Buffer => encode(buildOpenApiV3(found.group, found.version, this.table));
    const document = new LazyDocument(build, JSON_TYPE);
    this.#v3.set(path, document);
    return document.get();
  }

  #remote(path: string): CachedDocument | undefined {
    const bytes = this.remote?.remoteDocuments().get(path)?.v3;
    if (!bytes) return undefined;
    const document = this.#remoteV3.get(path) ?? new CachedDocument(bytes, JSON_TYPE);
    this.#remoteV3.set(path, document);
    return document;
  }

  private v2(): OpenApiV2 {
    if (!this.#v2) {
      const own = buildOpenApiV2(this.table);
      for (const { v2 } of this.remote?.remoteDocuments().values() ?? []) {
        own.paths = { ...v2?.paths, ...own.paths };
        own.definitions = { ...v2?.definitions, ...own.definitions };
      }
      this.#v2 = own;
    }
    return this.#v2;
  }

  /** KEP-2896: clients cache a document for ever by its hash. */
  private index(): object {
    const own = openApiV3Paths(this.table).map(({ path }) => path);
    const remote = [...(this.remote?.remoteDocuments() ?? [])].filter(([, { v3 }]) => v3).map(([path]) => path);
    const paths = [...own, ...remote].map((path) => [
      path,
      { serverRelativeURL: `/openapi/v3/${path}?hash=${this.v3(path)?.hash ?? ''}` },
    ]);
    return { paths: Object.fromEntries(paths) };
  }
}
