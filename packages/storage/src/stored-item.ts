import type { KubeObject } from '@kubelab/apimachinery';
import type { StoredObject } from './store.js';

/** What selectors look at in an object. */
export interface Selectable {
  /** Whose fields these are (a row of the resource table). */
  readonly of: unknown;
  readonly labels: Record<string, string>;
  readonly fields: Record<string, string>;
}

/**
 * A stored object as its encoded bytes, decoded when somebody looks into it. The decoded form is held weakly: a cache of
 * many objects costs their encoding, and those in use are decoded once.
 */
export class CacheItem implements StoredObject {
  private decoded: WeakRef<KubeObject> | undefined;
  private encoded: Buffer | undefined;
  private failure: Error | undefined;
  private others: Map<string, Buffer> | undefined;
  /** Set by who selects, once somebody does: so that a selection among many objects does not decode them again. */
  selectable: Selectable | undefined;

  /** @param form the complete JSON (resourceVersion included), the object, or why the value can't be read */
  constructor(
    readonly key: string,
    readonly revision: number,
    form: Buffer | KubeObject | Error,
  ) {
    if (Buffer.isBuffer(form)) {
      this.encoded = form;
    } else if (form instanceof Error) {
      this.failure = form;
    } else {
      this.encoded = Buffer.from(JSON.stringify(form));
      this.decoded = new WeakRef(form);
    }
  }

  /** The object's JSON in the storage version. @throws Error when the stored value can't be read */
  get bytes(): Buffer {
    if (!this.encoded) {
      throw this.failure ?? new Error(`no value at ${this.key}`);
    }
    return this.encoded;
  }

  /** Shared by all readers: never change it. @throws Error when the stored value can't be read */
  get object(): KubeObject {
    const known = this.decoded?.deref();
    if (known) {
      return known;
    }
    const object = JSON.parse(this.bytes.toString('utf8')) as KubeObject;
    this.decoded = new WeakRef(object);
    return object;
  }

  /** More encoded forms by whatever key the encoder chooses (a version of the API). */
  get encodings(): Map<string, Buffer> {
    this.others ??= new Map();
    return this.others;
  }
}
