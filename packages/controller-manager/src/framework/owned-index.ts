import type { V1ObjectMeta } from '@kubelab/api';
import type { ApiObject, Informer, Lister } from '@kubelab/client';
import { controllerOf } from './owner-reference.js';

const indexName = 'controllerOrOrphan';

/** Adds the index that `owned` and `ownedOrOrphaned` read; adding it again does nothing. */
export function indexByController<T extends ApiObject & { metadata?: V1ObjectMeta }>(informer: Informer<T>): void {
  informer.addIndexer(indexName, (object) => {
    const controller = controllerOf(object);
    return [controller ? controller.uid : `orphans of ${object.metadata?.namespace ?? ''}`];
  });
}

/** The objects that this owner controls. */
export function owned<T>(lister: Lister<T>, ownerUid: string): T[] {
  return lister.byIndex(indexName, ownerUid);
}

/** What a controller may have to claim: what the owner controls, and what nobody controls in its namespace. */
export function ownedOrOrphaned<T>(lister: Lister<T>, owner: { metadata: { uid: string; namespace: string } }): T[] {
  return [...owned(lister, owner.metadata.uid), ...lister.byIndex(indexName, `orphans of ${owner.metadata.namespace}`)];
}
