import type { ResourceEntry } from '@kubelab/api';
import type { KubeObject } from '@kubelab/apimachinery';

/** metav1.DeleteOptions, as far as they decide what happens. */
export interface DeleteRequestOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun: boolean;
}

export const orphanFinalizer = 'orphan';
export const foregroundFinalizer = 'foregroundDeletion';

/** Whether an object that is being deleted has nothing left to wait for. */
export function deletionIsDone(entry: ResourceEntry, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  return (
    deletionTimestamp !== undefined &&
    (finalizers ?? []).length === 0 &&
    !(deletionGracePeriodSeconds && deletionGracePeriodSeconds > 0) &&
    !hasSpecFinalizers(entry, object)
  );
}

/** Namespaces wait for their contents by finalizers in their spec. */
export function hasSpecFinalizers(entry: ResourceEntry, object: KubeObject): boolean {
  if (entry.group !== '' || entry.resource !== 'namespaces') {
    return false;
  }
  return ((object.spec as { finalizers?: string[] } | undefined)?.finalizers ?? []).length > 0;
}

/**
 * The finalizers of an object whose deletion begins: those of the garbage collector follow from the propagation that
 * is asked for, or else from what the object has, or the resource's default (registry/generic/registry/store.go).
 */
export function finalizersForDeletion(
  entry: ResourceEntry,
  object: KubeObject,
  options: DeleteRequestOptions,
): string[] {
  const current = object.metadata.finalizers ?? [];
  const orphan = shouldOrphan(entry, current, options);
  const foreground = shouldWaitForDependents(current, options);
  const others = current.filter((name) => name !== orphanFinalizer && name !== foregroundFinalizer);
  return [...others, ...(foreground ? [foregroundFinalizer] : []), ...(orphan ? [orphanFinalizer] : [])];
}

function shouldOrphan(entry: ResourceEntry, current: string[], options: DeleteRequestOptions): boolean {
  if (options.propagationPolicy) {
    return options.propagationPolicy === 'Orphan';
  }
  if (current.includes(orphanFinalizer)) {
    return true;
  }
  return !current.includes(foregroundFinalizer) && entry.defaultGarbageCollection === 'orphan';
}

function shouldWaitForDependents(current: string[], options: DeleteRequestOptions): boolean {
  if (options.propagationPolicy) {
    return options.propagationPolicy === 'Foreground';
  }
  return current.includes(foregroundFinalizer) && !current.includes(orphanFinalizer);
}

/** How long a graceful deletion takes, in seconds; 0 deletes at once. */
export function gracePeriodOf(entry: ResourceEntry, object: KubeObject, options: DeleteRequestOptions): number {
  if (entry.group === '' && entry.resource === 'pods') {
    const spec = object.spec as { nodeName?: string; terminationGracePeriodSeconds?: number } | undefined;
    const phase = (object.status as { phase?: string } | undefined)?.phase;
    // Nobody runs it, or it has ended: there is nobody to wait for.
    if (!spec?.nodeName || phase === 'Succeeded' || phase === 'Failed') {
      return 0;
    }
    const asked = options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30;
    // A negative period is taken as the shortest one (pod strategy CheckGracefulDelete).
    return asked < 0 ? 1 : asked;
  }
  return entry.gracefulDeleteSeconds ? (options.gracePeriodSeconds ?? entry.gracefulDeleteSeconds(object)) : 0;
}
