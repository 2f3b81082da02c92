import { newTooManyRequests } from '@kubelab/apimachinery';
import type { RequestInfo } from '../request-info.js';

const readOnly = new Set(['get', 'list', 'watch', 'head', 'options']);
const longRunningSubresources = new Set(['log', 'exec', 'attach', 'portforward', 'proxy']);

/** Watches, logs and streams: they are not counted as requests in flight, since they stay for long. */
export function isLongRunning(info: RequestInfo): boolean {
  return info.isResourceRequest && (info.verb === 'watch' || longRunningSubresources.has(info.subresource));
}

/** Bounds the requests that are served at once (--max-requests-inflight, --max-mutating-requests-inflight). */
export class MaxInFlight {
  readonly counts = { readOnly: 0, mutating: 0 };

  constructor(private readonly limits: { readOnly: number; mutating: number }) {}

  /**
   * Takes a place; returns how to give it back. @throws StatusError TooManyRequests when all are taken
   */
  enter(info: RequestInfo, groups: string[]): () => void {
    if (isLongRunning(info)) {
      return () => undefined;
    }
    const kind = readOnly.has(info.verb) ? 'readOnly' : 'mutating';
    const limit = this.limits[kind];
    // An overloaded server must still be reachable by its administrators.
    if (limit > 0 && this.counts[kind] >= limit && !groups.includes('system:masters')) {
      throw newTooManyRequests('Too many requests, please try again later.', 1);
    }
    this.counts[kind]++;
    let left = false;
    return () => {
      if (!left) {
        left = true;
        this.counts[kind]--;
      }
    };
  }
}
