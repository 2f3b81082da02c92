import { setTimeout as delay } from 'node:timers/promises';

const waitMs = { first: 25, most: 500 };

const unavailable =
  /UNAVAILABLE|No connection established|ECONNREFUSED|ECONNRESET|connection dropped|Channel closed|Channel has been shut down|leader changed|no leader|Connection dropped/i;

/** The call certainly did not reach etcd: even a write may be made again. */
export function neverSent(error: unknown): boolean {
  return /No connection established|ECONNREFUSED/.test(String((error as Error)?.message));
}

/**
 * Makes a call again while etcd does not answer (it restarts, or elects a leader), as long as `mayRepeat` allows it and
 * the time is not over.
 */
export async function retryUnavailable<T>(
  call: () => Promise<T>,
  mayRepeat: (error: unknown) => boolean,
  timeoutMs: number,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let wait = waitMs.first; ; wait = Math.min(wait * 2, waitMs.most)) {
    try {
      return await call();
    } catch (error) {
      const message = String((error as Error)?.message);
      if (!unavailable.test(message) || !mayRepeat(error) || Date.now() + wait > deadline) {
        throw error;
      }
    }
    await delay(wait);
  }
}
