import { stat } from 'node:fs/promises';
import { Quantity } from '@kubelab/apimachinery';
import { podResources } from '../pod/resources.js';
import type { Pod } from '../pod/types.js';
import type { PodRuntimeState } from '../runtime/types.js';
import { diskUsage } from '../stats/disk-usage.js';

export interface LocalStorageInput {
  pod: Pod;
  state: PodRuntimeState | undefined;
  emptyDirs: { name: string; dir: string; sizeLimit: string | undefined }[];
  /** Writable layers by container id, in bytes; asked for only when a limit needs them. */
  layers(): Promise<Map<string, number>>;
}

/** Whether the pod uses more disk than its emptyDirs, containers or itself may; the message of its eviction. */
export async function localStorageViolation(input: LocalStorageInput): Promise<string | undefined> {
  const { pod, emptyDirs } = input;
  const limits = podResources(pod, 'limits').get('ephemeral-storage');
  const limited = pod.spec.containers.some((container) => container.resources?.limits?.['ephemeral-storage']);
  if (!limits && !limited && emptyDirs.every((dir) => !dir.sizeLimit)) return undefined;
  let total = 0;
  for (const { name, dir, sizeLimit } of emptyDirs) {
    const { bytes } = await diskUsage(dir);
    total += bytes;
    const limit = sizeLimit ? Quantity.parse(sizeLimit).asNumber() : 0;
    if (limit > 0 && bytes > limit) return `Usage of EmptyDir volume "${name}" exceeds the limit "${sizeLimit}". `;
  }
  if (!limits && !limited) return undefined;
  const layers = await input.layers();
  for (const container of pod.spec.containers) {
    const runtime = input.state?.containers.find((candidate) => candidate.name === container.name);
    const log = runtime ? await stat(runtime.logPath).catch(() => undefined) : undefined;
    const bytes = (runtime ? (layers.get(runtime.id) ?? 0) : 0) + (log?.size ?? 0);
    total += bytes;
    const text = container.resources?.limits?.['ephemeral-storage'];
    if (text && bytes > Quantity.parse(text).asNumber()) {
      return `Container ${container.name} exceeded its local ephemeral storage limit "${text}". `;
    }
  }
  if (limits && total > limits.asNumber()) {
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${limits.toString()}. `;
  }
  return undefined;
}
