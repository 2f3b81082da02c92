import type { Pod } from '../framework/kinds.js';
import { isTracked, trackingFinalizer } from './pod.js';

/**
 * Pods whose tracking finalizer was removed while the cache still shows it: counted by that old state, they would be
 * counted twice (the job controller's uidTrackingExpectations in Kubernetes).
 */
export class ReleasedPods {
  private readonly uids = new Set<string>();

  /** The finalizer is about to be removed. */
  add(uid: string): void {
    this.uids.add(uid);
  }

  /** It was not removed after all, or the pod is gone. */
  forget(uid: string): void {
    this.uids.delete(uid);
  }

  /** The cache has this state now. */
  observe(pod: Pod): void {
    if (!isTracked(pod)) this.uids.delete(pod.metadata.uid);
  }

  /** The pod as it is by now, as far as that is known. */
  current(pod: Pod): Pod {
    if (!this.uids.has(pod.metadata.uid) || !isTracked(pod)) return pod;
    const finalizers = pod.metadata.finalizers?.filter((finalizer) => finalizer !== trackingFinalizer);
    return { ...pod, metadata: { ...pod.metadata, finalizers } };
  }
}
