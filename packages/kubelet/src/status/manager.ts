import type { V1Pod, V1PodStatus } from '@kubelab/api';
import { isConflict, isNotFound, semanticEqual } from '@kubelab/apimachinery';
import { type Client, gvr } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import { sleep } from '../lifecycle/hooks.js';
import type { Pod } from '../pod/types.js';
import { statusPatch } from './patch.js';

export interface StatusManagerOptions {
  client: Client;
  logger: Logger;
  signal: AbortSignal;
  /** The API object that shows the pod's status: itself, or a static pod's mirror; undefined when there is none. */
  apiPod(pod: Pod): Pod | undefined;
  onWritten?(latencyMs: number): void;
}

interface Entry {
  pod: Pod;
  wanted: V1PodStatus;
  /** As last answered by the API server. */
  written: V1PodStatus | undefined;
  writtenVersion: number;
  dirtySince: number | undefined;
  /** The pod's work is done: after the last status, its API object is to be deleted. */
  finish: boolean;
  writing: Promise<void> | undefined;
  /** The newest state of the API object that came during a write. */
  observed?: V1Pod;
}

const firstRetryMs = 500;
const lastRetryMs = 10_000;

/** Writes pod statuses: at once, one request at a time for a pod, only what changed, until it is written. */
export class StatusManager {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly options: StatusManagerOptions) {}

  /** The status last set for a pod. */
  get(uid: string): V1PodStatus | undefined {
    return this.entries.get(uid)?.wanted;
  }

  set(pod: Pod, status: V1PodStatus): void {
    const { uid } = pod.metadata;
    const entry = this.entries.get(uid);
    if (entry) {
      entry.pod = pod;
      if (semanticEqual(entry.wanted, status)) return;
      entry.wanted = status;
      this.kick(entry);
      return;
    }
    const fresh: Entry = {
      pod,
      wanted: status,
      written: undefined,
      writtenVersion: 0,
      dirtySince: undefined,
      finish: false,
      writing: undefined,
    };
    this.entries.set(uid, fresh);
    this.kick(fresh);
  }

  /** The pod has ended and its resources are free: deletes its API object once the last status is written. */
  finish(pod: Pod): void {
    const entry = this.entries.get(pod.metadata.uid);
    if (!entry) {
      const status = pod.status ?? {};
      this.entries.set(pod.metadata.uid, {
        pod,
        wanted: status,
        written: status,
        writtenVersion: 0,
        dirtySince: undefined,
        finish: false,
        writing: undefined,
      });
      this.finish(pod);
      return;
    }
    entry.pod = pod;
    entry.finish = true;
    this.kick(entry);
  }

  /** The API object changed: somebody may have overwritten the status, or a mirror pod has appeared. */
  observe(uid: string, apiPod: V1Pod): void {
    const entry = this.entries.get(uid);
    if (!entry) return;
    // What comes during a write may be newer than the write's answer: it is looked at once that is there.
    if (entry.writing) entry.observed = apiPod;
    else this.compare(entry, apiPod);
  }

  private compare(entry: Entry, apiPod: V1Pod): void {
    if (Number(apiPod.metadata?.resourceVersion ?? 0) < entry.writtenVersion) return;
    entry.written = apiPod.status ?? {};
    if (statusPatch(entry.written, entry.wanted, '')) this.kick(entry);
  }

  remove(uid: string): void {
    this.entries.delete(uid);
  }

  /** Resolves when all statuses set so far have been written, or are about to be retried. */
  async flush(): Promise<void> {
    await Promise.all([...this.entries.values()].map((entry) => entry.writing));
  }

  private kick(entry: Entry): void {
    entry.dirtySince ??= Date.now();
    if (entry.writing) return;
    entry.writing = this.write(entry).finally(() => {
      entry.writing = undefined;
      if (!this.isCurrent(entry)) return;
      // Set after the loop had looked for the last time.
      if (entry.dirtySince !== undefined) {
        this.kick(entry);
        return;
      }
      // Looked at once: a write that gives up, since the pod is gone, must not lead to another one without end.
      const { observed } = entry;
      entry.observed = undefined;
      if (observed) this.compare(entry, observed);
    });
  }

  private isCurrent(entry: Entry): boolean {
    return !this.options.signal.aborted && this.entries.get(entry.pod.metadata.uid) === entry;
  }

  private async write(entry: Entry): Promise<void> {
    let retryMs = firstRetryMs;
    const { signal, logger } = this.options;
    while (entry.dirtySince !== undefined && this.isCurrent(entry)) {
      const since = entry.dirtySince;
      entry.dirtySince = undefined;
      try {
        await this.writeOnce(entry);
        this.options.onWritten?.(Date.now() - since);
        retryMs = firstRetryMs;
      } catch (error) {
        if (isNotFound(error)) return;
        if (isConflict(error)) {
          // Another pod has this name now; ours is gone.
          logger.info('Status not written, the pod was replaced', { pod: entry.pod.metadata.name, error });
          return;
        }
        logger.warn('Status could not be written', { pod: entry.pod.metadata.name, error });
        entry.dirtySince = since;
        await sleep(retryMs, signal);
        retryMs = Math.min(lastRetryMs, retryMs * 2);
      }
    }
  }

  private async writeOnce(entry: Entry): Promise<void> {
    const apiPod = this.options.apiPod(entry.pod);
    if (!apiPod) return;
    const { namespace, name, uid } = apiPod.metadata;
    const pods = this.options.client.resource<V1Pod>(gvr.pods).namespace(namespace);
    const patch = statusPatch(entry.written ?? apiPod.status ?? {}, entry.wanted, uid);
    if (patch) {
      const answer = await pods.patch(name, patch, { type: 'strategic', subresource: 'status' });
      entry.written = answer.status ?? {};
      entry.writtenVersion = Number(answer.metadata?.resourceVersion ?? 0);
    }
    if (entry.finish && apiPod.metadata.deletionTimestamp) {
      await pods.delete(name, { gracePeriodSeconds: 0, preconditions: { uid } });
    }
  }
}
