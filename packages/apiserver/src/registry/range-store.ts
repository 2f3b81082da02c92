import type { KubeObject } from '@kubelab/apimachinery';
import type { Store } from '@kubelab/storage';
import type { RangeStore } from '../service-allocation/range-allocator.js';

/** Keeps the state of a range as a RangeAllocation in etcd. */
export class EtcdRangeStore implements RangeStore {
  constructor(private readonly store: Store) {}

  async read(key: string): Promise<{ value: string; revision: string } | undefined> {
    const item = await this.store.get(key);
    return item && { value: String(item.object.data ?? ''), revision: String(item.revision) };
  }

  async write(key: string, value: string, revision: string | undefined): Promise<boolean> {
    const object: KubeObject = { kind: 'RangeAllocation', apiVersion: 'v1', metadata: {}, data: value };
    const item = revision
      ? await this.store.update(key, Number(revision), object)
      : await this.store.create(key, object);
    return item !== undefined;
  }
}
