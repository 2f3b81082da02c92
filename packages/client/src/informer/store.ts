import { objectKey, type Selector } from '@kubelab/apimachinery';
import type { ApiObject } from '../types.js';

/** Values of an object in an index; an object may have none or several. */
export type IndexFunction<T> = (object: T) => string[];

/** Reads an informer's cache. Objects are shared by all readers and must not be changed. */
export interface Lister<T> {
  /** `namespace` is undefined or empty for cluster-scoped objects. */
  get(namespace: string | undefined, name: string): T | undefined;
  /** By `namespace/name` (or `name`), as queues hold it. */
  getByKey(key: string): T | undefined;
  /** All objects, or those of a namespace, that match the selector if one is given. */
  list(namespace?: string, selector?: Selector): T[];
  /** Objects with this value in an index; throws for an index that was never added. */
  byIndex(index: string, value: string): T[];
  readonly size: number;
}

interface Index<T> {
  fn: IndexFunction<T>;
  values: Map<string, Map<string, T>>;
}

/** Objects by key, by namespace and by any number of indexes. */
export class Store<T extends ApiObject> implements Lister<T> {
  private readonly objects = new Map<string, T>();
  private readonly namespaces: Index<T> = { fn: (o) => [o.metadata?.namespace ?? ''], values: new Map() };
  private readonly indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.objects.size;
  }

  get(namespace: string | undefined, name: string): T | undefined {
    return this.objects.get(namespace ? `${namespace}/${name}` : name);
  }

  getByKey(key: string): T | undefined {
    return this.objects.get(key);
  }

  keys(): string[] {
    return [...this.objects.keys()];
  }

  list(namespace?: string, selector?: Selector): T[] {
    const from = namespace ? this.namespaces.values.get(namespace) : this.objects;
    if (!from) return [];
    if (!selector || selector.empty) return [...from.values()];
    const out: T[] = [];
    for (const object of from.values()) if (selector.matches(object.metadata?.labels)) out.push(object);
    return out;
  }

  byIndex(name: string, value: string): T[] {
    const index = this.indexes.get(name);
    if (!index) throw new Error(`index with name ${name} does not exist`);
    return [...(index.values.get(value)?.values() ?? [])];
  }

  /** Adds an index over what is there and what comes. Adding the same name again keeps the first. */
  addIndex(name: string, fn: IndexFunction<T>): void {
    if (this.indexes.has(name)) return;
    const index: Index<T> = { fn, values: new Map() };
    for (const [key, object] of this.objects) addTo(index, key, object);
    this.indexes.set(name, index);
  }

  /** Adds or replaces; returns what was there. */
  set(object: T): T | undefined {
    const key = objectKey(object);
    const old = this.objects.get(key);
    this.objects.set(key, object);
    for (const index of this.all()) {
      if (old) removeFrom(index, key, old);
      addTo(index, key, object);
    }
    return old;
  }

  /** Removes; returns what was there. */
  delete(key: string): T | undefined {
    const old = this.objects.get(key);
    if (!old) return undefined;
    this.objects.delete(key);
    for (const index of this.all()) removeFrom(index, key, old);
    return old;
  }

  private *all(): Iterable<Index<T>> {
    yield this.namespaces;
    yield* this.indexes.values();
  }
}

function addTo<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.fn(object)) {
    let bucket = index.values.get(value);
    if (!bucket) {
      bucket = new Map();
      index.values.set(value, bucket);
    }
    bucket.set(key, object);
  }
}

function removeFrom<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.fn(object)) {
    const bucket = index.values.get(value);
    if (bucket?.delete(key) && bucket.size === 0) index.values.delete(value);
  }
}
