import { objectKey } from '@kubelab/apimachinery';
import type { ApiObject, Lister } from '@kubelab/client';

/**
 * An informer's cache with changes on top that are decided but not seen through the API server yet. A change counts
 * as long as the informer has the version that it was made from; any newer version replaces it.
 */
export class AssumeCache<T extends ApiObject> {
  private readonly assumed = new Map<string, T>();

  constructor(private readonly lister: Lister<T>) {}

  /** By `namespace/name`, or `name` of cluster-scoped objects. */
  get(key: string): T | undefined {
    return this.current(this.lister.getByKey(key), key);
  }

  /** The objects of an index of the informer. */
  byIndex(index: string, value: string): T[] {
    const objects = this.lister.byIndex(index, value);
    if (this.assumed.size === 0) return objects;
    return objects.map((o) => this.current(o, objectKey(o)) ?? o);
  }

  /** The object as the API server has it. */
  real(key: string): T | undefined {
    return this.lister.getByKey(key);
  }

  /** `object` must be a changed copy of what get() returned. */
  assume(object: T): void {
    this.assumed.set(objectKey(object), object);
  }

  forget(key: string): void {
    this.assumed.delete(key);
  }

  private current(real: T | undefined, key: string): T | undefined {
    const assumed = this.assumed.get(key);
    if (!assumed) return real;
    if (real && real.metadata?.resourceVersion === assumed.metadata?.resourceVersion) return assumed;
    this.assumed.delete(key);
    return real;
  }
}
