import { isConflict } from '@kubelab/apimachinery';
import { Backoff } from './backoff.js';
import { delay } from './clock.js';

/** client-go's retry.DefaultRetry: five tries from 10 ms. */
const maxTries = 5;

/**
 * Runs `change` again when it ends in a conflict, up to five times. `change` must read the object anew each time.
 * Throws the last conflict, or any other error at once.
 */
export async function retryOnConflict<T>(change: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const backoff = new Backoff({ initialMs: 10, capMs: 1_000, factor: 2, jitter: 0.1 });
  for (let attempt = 1; ; attempt++) {
    try {
      return await change();
    } catch (error) {
      if (!isConflict(error) || attempt >= maxTries || signal?.aborted) throw error;
      await delay(backoff.step(), signal);
    }
  }
}
