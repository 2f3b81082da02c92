import type { ResourceEntry } from '@kubelab/api';
import type { KubeObject } from '@kubelab/apimachinery';
import type { ServiceAllocator } from '../service-allocation/service-allocator.js';

/** Undoes what a hook did, when the write that it was for fails. */
export type Undo = () => Promise<void>;

/** What happens around the writes of particular resources, where a pure strategy is not enough. */
export interface CreateHooks {
  beforeCreate(entry: ResourceEntry, object: KubeObject, dryRun: boolean): Promise<Undo>;
}

export interface WriteHooks extends CreateHooks {
  beforeUpdate(entry: ResourceEntry, object: KubeObject, old: KubeObject, dryRun: boolean): Promise<Undo>;
  afterUpdate(entry: ResourceEntry, object: KubeObject, old: KubeObject): Promise<void>;
  afterDelete(entry: ResourceEntry, old: KubeObject): Promise<void>;
}

const nothing: Undo = async () => undefined;

/** Services hold cluster IPs and node ports, which are taken before they are written and given back after. */
export class ServiceHooks implements WriteHooks {
  constructor(private readonly allocator: ServiceAllocator) {}

  async beforeCreate(entry: ResourceEntry, object: KubeObject, dryRun: boolean): Promise<Undo> {
    return this.assign(entry, object, undefined, dryRun);
  }

  async beforeUpdate(entry: ResourceEntry, object: KubeObject, old: KubeObject, dryRun: boolean): Promise<Undo> {
    return this.assign(entry, object, old, dryRun);
  }

  async afterUpdate(entry: ResourceEntry, object: KubeObject, old: KubeObject): Promise<void> {
    if (isService(entry)) {
      await this.allocator.release(old, object);
    }
  }

  async afterDelete(entry: ResourceEntry, old: KubeObject): Promise<void> {
    if (isService(entry)) {
      await this.allocator.release(old);
    }
  }

  private async assign(
    entry: ResourceEntry,
    object: KubeObject,
    old: KubeObject | undefined,
    dryRun: boolean,
  ): Promise<Undo> {
    // What is no Service's spec is for validation to refuse.
    if (!isService(entry) || typeof object.spec !== 'object' || object.spec === null) {
      return nothing;
    }
    return this.allocator.assign(object, old, dryRun);
  }
}

function isService(entry: ResourceEntry): boolean {
  return entry.group === '' && entry.resource === 'services';
}
