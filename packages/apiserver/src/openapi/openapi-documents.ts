import {
  buildOpenApiV2,
  buildOpenApiV3,
  encodeGnostic,
  GNOSTIC_CONTENT_TYPE,
  type OpenApiV2,
  openApiV3Paths,
  type ResourceTable,
} from '@kubelab/api';
import { type CachedDocument, LazyDocument } from './document-cache.js';

const JSON_TYPE = 'application/json';
const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** The OpenAPI documents of a resource table, kept up to date with it: what CRDs add is published with the next request. */
export class OpenApiDocuments {
  readonly v2Json = new LazyDocument(() => encode(this.v2()), JSON_TYPE);
  readonly v2Protobuf = new LazyDocument(() => encodeGnostic(this.v2()), GNOSTIC_CONTENT_TYPE);
  readonly v3Index = new LazyDocument(() => encode(this.index()), JSON_TYPE);
  readonly #v3 = new Map<string, LazyDocument>();
  #v2: OpenApiV2 | undefined;
  readonly #stop: () => void;

  constructor(private readonly table: ResourceTable) {
    this.#stop = table.onChange(({ added, removed }) => {
      this.#v2 = undefined;
      for (const document of [this.v2Json, this.v2Protobuf, this.v3Index]) document.invalidate();
      for (const entry of [added, removed]) {
        for (const { version } of entry?.versions ?? []) this.#v3.delete(`apis/${entry?.group}/${version}`);
      }
    });
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
    if (!found) return undefined;
    const build = (): Buffer => encode(buildOpenApiV3(found.group, found.version, this.table));
    const document = new LazyDocument(build, JSON_TYPE);
    this.#v3.set(path, document);
    return document.get();
  }

  private v2(): OpenApiV2 {
    this.#v2 ??= buildOpenApiV2(this.table);
    return this.#v2;
  }

  /** KEP-2896: clients cache a document for ever by its hash. */
  private index(): object {
    const paths = openApiV3Paths(this.table).map(({ path }) => [
      path,
      { serverRelativeURL: `/openapi/v3/${path}?hash=${this.v3(path)?.hash ?? ''}` },
    ]);
    return { paths: Object.fromEntries(paths) };
  }
}
