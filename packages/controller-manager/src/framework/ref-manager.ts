import type { V1ObjectMeta } from '@kubelab/api';
import { isInvalid, isNotFound, type Selector } from '@kubelab/apimachinery';
import type { PatchOptions } from '@kubelab/client';
import type { Live } from './live.js';
import { controllerOf, controllerRef } from './owner-reference.js';

interface Claimable {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
}

export interface ClaimOptions<T extends Claimable> {
  owner: Live<{ spec?: unknown }>;
  selector: Selector;
  /** All candidates of the owner's namespace. */
  objects: T[];
  /** Adopts and releases by patch. */
  client: {
    namespace(namespace: string): { patch(name: string, body: unknown, options: PatchOptions): Promise<unknown> };
  };
  /** A fresh read of the owner: nothing is adopted for an owner that is gone or being deleted. */
  readOwner(): Promise<{ metadata?: V1ObjectMeta }>;
  /** Further conditions for adoption. */
  adoptable?(object: T): boolean;
  /** Finalizers that come with adoption (jobs track pods by one). */
  finalizers?: string[];
}

/**
 * The objects that belong to `owner`: those it controls and selects. Orphans that match are adopted, controlled ones
 * that no longer match are released (ControllerRefManager).
 */
export async function claimObjects<T extends Claimable>(options: ClaimOptions<T>): Promise<T[]> {
  const { owner, selector } = options;
  let ownerChecked: Promise<void> | undefined;
  const checkOwner = (): Promise<void> => {
    ownerChecked ??= assertCanAdopt(options);
    return ownerChecked;
  };
  const claimed: T[] = [];
  const errors: unknown[] = [];
  await Promise.all(
    options.objects.map(async (object) => {
      try {
        const controller = controllerOf(object);
        const matches = selector.matches(object.metadata?.labels);
        if (controller) {
          if (controller.uid !== owner.metadata.uid) return;
          if (matches) claimed.push(object);
          else if (!owner.metadata.deletionTimestamp) await release(options, object);
          return;
        }
        if (owner.metadata.deletionTimestamp || !matches || object.metadata?.deletionTimestamp) return;
        if (options.adoptable && !options.adoptable(object)) return;
        await checkOwner();
        if (await adopt(options, object)) claimed.push(object);
      } catch (error) {
        errors.push(error);
      }
    }),
  );
  if (errors.length > 0) throw errors[0];
  return claimed;
}

async function assertCanAdopt<T extends Claimable>({ owner, readOwner }: ClaimOptions<T>): Promise<void> {
  const fresh = await readOwner();
  if (fresh.metadata?.uid !== owner.metadata.uid) {
    throw new Error(`original ${owner.kind} ${owner.metadata.name} is gone: got uid ${fresh.metadata?.uid}`);
  }
  if (fresh.metadata?.deletionTimestamp) {
    throw new Error(
      `${owner.kind} ${owner.metadata.name} has just been deleted at ${fresh.metadata.deletionTimestamp}`,
    );
  }
}

async function adopt<T extends Claimable>(options: ClaimOptions<T>, object: T): Promise<boolean> {
  const meta = object.metadata;
  const patch = {
    metadata: { uid: meta?.uid, ownerReferences: [controllerRef(options.owner)], finalizers: options.finalizers },
  };
  try {
    await options.client.namespace(meta?.namespace ?? '').patch(meta?.name ?? '', patch, { type: 'strategic' });
    return true;
  } catch (error) {
    if (isNotFound(error) || isInvalid(error)) return false;
    throw error;
  }
}

async function release<T extends Claimable>(options: ClaimOptions<T>, object: T): Promise<void> {
  const meta = object.metadata;
  const patch = {
    metadata: {
      uid: meta?.uid,
      ownerReferences: [{ $patch: 'delete', uid: options.owner.metadata.uid }],
      ...(options.finalizers && { '$deleteFromPrimitiveList/finalizers': options.finalizers }),
    },
  };
  try {
    await options.client.namespace(meta?.namespace ?? '').patch(meta?.name ?? '', patch, { type: 'strategic' });
  } catch (error) {
    // Gone, or another incarnation (the uid precondition): nothing to release.
    if (!isNotFound(error) && !isInvalid(error)) throw error;
  }
}
