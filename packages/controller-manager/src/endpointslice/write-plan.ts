import type { V1EndpointSlice } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import type { ResourceClient } from '@kubelab/client';
import type { EndpointSlice } from '../framework/kinds.js';
import type { SlicePlan } from './reconcile-slices.js';

/** Carries a plan out: creates and updates before deletes, so that no endpoint is missing in between. */
export async function writePlan(
  client: ResourceClient<V1EndpointSlice>,
  plan: SlicePlan,
  track: { wrote(slice: V1EndpointSlice): void; removed(slice: EndpointSlice): void },
): Promise<void> {
  for (const slice of plan.create) track.wrote(await client.create(slice));
  for (const slice of plan.update) track.wrote(await client.update(slice));
  for (const slice of plan.delete) {
    track.removed(slice);
    try {
      await client.delete(slice.metadata.name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
