import type { V1EndpointSlice } from '@kubelab/api';
import type { EndpointSlice } from '../framework/kinds.js';

/**
 * Remembers the generation of the slices this process wrote, per service, to tell a cache that has not seen them yet.
 * An optimisation only: after a restart the cache is fresh.
 */
export class StaleSliceTracker {
  private readonly written = new Map<string, Map<string, number>>();

  /** A slice was created or updated; `undefined` generation means it was deleted. */
  wrote(service: string, slice: V1EndpointSlice): void {
    const slices = this.written.get(service) ?? new Map<string, number>();
    slices.set(slice.metadata?.uid ?? '', slice.metadata?.generation ?? 0);
    this.written.set(service, slices);
  }

  /** Whether the cached slices lack a write of ours. A slice someone deleted meanwhile is forgotten after one miss. */
  isStale(service: string, cached: EndpointSlice[]): boolean {
    const slices = this.written.get(service);
    if (!slices) return false;
    const byUid = new Map(cached.map((slice) => [slice.metadata.uid, slice]));
    let stale = false;
    for (const [uid, generation] of slices) {
      const slice = byUid.get(uid);
      if (!slice) {
        stale = true;
        slices.delete(uid);
      } else if ((slice.metadata.generation ?? 0) < generation) {
        stale = true;
      }
    }
    return stale;
  }

  removed(service: string, slice: EndpointSlice): void {
    this.written.get(service)?.delete(slice.metadata.uid);
  }

  forget(service: string): void {
    this.written.delete(service);
  }
}
