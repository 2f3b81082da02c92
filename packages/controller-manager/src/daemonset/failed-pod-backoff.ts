import type { Pod } from '../framework/kinds.js';

const baseMs = 1000;
const maxMs = 15 * 60_000;

interface Entry {
  delayMs: number;
  atMs: number;
}

/** Spaces out the replacement of a daemon that fails again and again on a node. A restart only forgets the spacing. */
export class FailedPodBackoff {
  private readonly entries = new Map<string, Entry>();

  /** Milliseconds that replacing the node's failed pod must wait; 0 if it may go ahead. */
  remainingMs(key: string, nowMs: number): number {
    const entry = this.entries.get(key);
    return entry ? Math.max(0, entry.atMs + entry.delayMs - nowMs) : 0;
  }

  /** A failed pod is replaced now. */
  next(key: string, nowMs: number): void {
    const entry = this.entries.get(key);
    const fresh = !entry || nowMs - entry.atMs > 2 * maxMs;
    this.entries.set(key, { delayMs: fresh ? baseMs : Math.min(entry.delayMs * 2, maxMs), atMs: nowMs });
  }

  /** Forgets what has long been quiet. */
  collect(nowMs: number): void {
    for (const [key, { atMs }] of this.entries) if (nowMs - atMs > 2 * maxMs) this.entries.delete(key);
  }
}

export const backoffKey = (uid: string, pod: Pod): string => `${uid}/${pod.spec.nodeName}`;
