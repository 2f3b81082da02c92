import type { FieldError, KubeObject, Schema } from '@kubelab/apimachinery';

/** What a strategy hook knows about the request that it prepares or validates for. */
export interface StrategyContext {
  namespace?: string;
  /** Version of the API the client spoke, for example `v1`. */
  version: string;
  subresource?: string;
  user?: { name: string; groups: string[]; uid?: string; extra?: Record<string, string[]> };
}

/**
 * The hooks of a resource, as in Kubernetes' registry strategies. All are pure: they may change the object
 * handed to them (a private copy) and do no I/O. Objects are in the storage version.
 */
export interface Strategy {
  /** Drops what a client may not set at creation (status, for most kinds) and sets derived fields. */
  prepareForCreate?(obj: KubeObject, ctx: StrategyContext): void;
  /** Keeps what a client may not change (status, on the main resource) and raises `metadata.generation` as needed. */
  prepareForUpdate?(obj: KubeObject, old: KubeObject, ctx: StrategyContext): void;
  validateCreate?(obj: KubeObject, ctx: StrategyContext): FieldError[];
  validateUpdate?(obj: KubeObject, old: KubeObject, ctx: StrategyContext): FieldError[];
  warningsOnCreate?(obj: KubeObject): string[];
  warningsOnUpdate?(obj: KubeObject, old: KubeObject): string[];
}

/** One column of the server-side table (meta.k8s.io/v1 TableColumnDefinition) with how to read its cell. */
export interface Column {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  format?: string;
  description: string;
  /** 0 is always shown; more than 0 only with `-o wide`. */
  priority: number;
  cell(obj: KubeObject): unknown;
}

/** A subresource of a resource. */
export interface SubresourceEntry {
  /** Kind that discovery shows, with group and version where they differ from the parent's (Scale, Eviction, TokenRequest). */
  kind: string;
  group?: string;
  version?: string;
  verbs: string[];
  /**
   * How the generic handlers serve it: `status` and `spec` are strategies on the parent object, `scale` reads and
   * writes replica counts by path, `connect` is a special handler of the API server (log, exec, proxy, binding ...).
   */
  type: 'status' | 'spec' | 'scale' | 'connect';
  strategy?: Strategy;
  scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
}

/** A served version of a resource. */
export interface ResourceVersion {
  version: string;
  /** Key of the schema in the definitions, for example `io.k8s.api.apps.v1.Deployment`. */
  schemaName: string;
  /** Not in the built-in definitions (CRDs): the schema itself. */
  schema?: Schema;
  /** Shown to the client as a Warning header at each use. */
  deprecationWarning?: string;
  /** To and from the storage version; absent where the version is stored or the shapes are equal. */
  toStorage?(obj: KubeObject): KubeObject;
  fromStorage?(obj: KubeObject): KubeObject;
  /**
   * Conversion that takes time (a CRD's webhook), instead of the two functions above. The server asks for it before it
   * reads or writes; objects that are in the wanted version already come back as they are.
   */
  convert?: {
    toStorage(objects: KubeObject[]): Promise<KubeObject[]>;
    fromStorage(objects: KubeObject[]): Promise<KubeObject[]>;
  };
  columns?: Column[];
  subresources?: Record<string, SubresourceEntry>;
}

/**
 * One resource of the API: everything that handlers, discovery, OpenAPI, authorization attributes, printing, quota
 * and garbage collection need to know about it. A CRD adds such a row at run time.
 */
export interface ResourceEntry {
  /** Empty for the core group. */
  group: string;
  /** Plural, lower case: `pods`. */
  resource: string;
  singular: string;
  kind: string;
  listKind: string;
  shortNames: string[];
  categories: string[];
  namespaced: boolean;
  /** In order of preference. */
  versions: ResourceVersion[];
  storageVersion: string;
  /**
   * Group of the stored objects where it is another than the resource's own: `extensions` Ingresses are stored as
   * networking.k8s.io/v1, events.k8s.io Events as core/v1. Both rows then have the same storagePrefix.
   */
  storageGroup?: string;
  /** Key prefix below the etcd prefix, as Kubernetes': `pods`, `services/specs`, `apiregistration.k8s.io/apiservices`. */
  storagePrefix: string;
  /** Verbs of the main resource; empty storage (`reviews`) has `create` only. */
  verbs: string[];
  /** Never stored: TokenReview, SubjectAccessReview, Binding. Served by a special handler. */
  virtual?: boolean;
  strategy: Strategy;
  /** Sets defaults on a decoded object of the given version (in place), before conversion to storage. */
  defaults?(obj: KubeObject, version: string): void;
  /** Fields that field selectors may name besides metadata.name and metadata.namespace. */
  selectableFields?: Record<string, (obj: KubeObject) => string>;
  columns: Column[];
  subresources: Record<string, SubresourceEntry>;
  /** What a PUT or apply to a missing name does (Kubernetes' AllowCreateOnUpdate). */
  allowCreateOnUpdate?: boolean;
  /** Whether a PUT without resourceVersion may overwrite. */
  allowUnconditionalUpdate?: boolean;
  /** Messages about the name, [] if fine; the default is a DNS subdomain. */
  validateName?(name: string, prefix: boolean): string[];
  /** Grace period for delete in seconds, for kinds deleted gracefully (pods). */
  gracefulDeleteSeconds?(obj: KubeObject): number;
  /** Default propagation when the client names none; `background` for most. */
  defaultGarbageCollection?: 'background' | 'orphan';
}
