import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { slicePath } from '@kubelab/cri';
import { cgroupRoot, unlessGone } from '../stats/cgroup.js';

/**
 * The kernel's count of processes killed for lack of memory, by pod. With cgroup v2 a container ends as a whole when it
 * runs out of memory, and its cgroup goes with it, often before Docker has looked at its counters; the pod's cgroup
 * stays and counts for all below it. Containers outside a pod's cgroup are not watched.
 */
export class OomKills {
  readonly #watched = new Map<string, { pod: string; count: number }>();

  /** @param root where the one tree of cgroup v2 is */
  constructor(private readonly root = cgroupRoot) {}

  /** Remembers the count as it is before a container's start. @param parent Docker's CgroupParent, or a path */
  watch(id: string, parent: string | undefined): void {
    if (!parent) return;
    const pod = parent.includes('/') ? parent : slicePath(parent.replace(/\.slice$/, '').split('-'));
    const count = this.#count(pod);
    if (count !== undefined) this.#watched.set(id, { pod, count });
  }

  /** Whether processes of the container's pod were killed since, by which no other container's end was explained. */
  grew(id: string): boolean {
    const watched = this.#watched.get(id);
    const count = watched && this.#count(watched.pod);
    if (!watched || count === undefined || count <= watched.count) return false;
    for (const other of this.#watched.values()) if (other.pod === watched.pod) other.count = count;
    return true;
  }

  forget(id: string): void {
    this.#watched.delete(id);
  }

  #count(pod: string): number | undefined {
    const events = unlessGone(() => readFileSync(join(this.root, pod, 'memory.events'), 'utf8'));
    const count = /^oom_kill (\d+)$/m.exec(events ?? '')?.[1];
    return count === undefined ? undefined : Number(count);
  }
}
