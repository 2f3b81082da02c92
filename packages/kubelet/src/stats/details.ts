import { stat } from 'node:fs/promises';
import type { Pod } from '../pod/types.js';
import type { PodRuntimeState } from '../runtime/types.js';
import type { PodDetails } from './summary.js';
import { type MeasuredVolume, volumeUse } from './volumes.js';

export interface DetailSource {
  pod: Pod;
  state: PodRuntimeState | undefined;
  startTime: string | undefined;
  volumes: MeasuredVolume[];
}

/** Disk use and start times of a pod's parts. */
export async function podDetails(source: DetailSource): Promise<PodDetails> {
  const containerStarts = new Map<string, number>();
  const logsBytes = new Map<string, number>();
  for (const container of source.state?.containers ?? []) {
    if (!containerStarts.has(container.name)) containerStarts.set(container.name, container.startedAt);
    const file = await stat(container.logPath).catch(() => undefined);
    logsBytes.set(container.name, (logsBytes.get(container.name) ?? 0) + (file?.size ?? 0));
  }
  const volumes = (await Promise.all(source.volumes.map(volumeUse))).filter((volume) => volume !== undefined);
  return { startTime: source.startTime, containerStarts, logsBytes, volumes };
}
