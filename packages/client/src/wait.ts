import type { KubeObject } from '@kubelab/apimachinery';
import { isNotFound } from '@kubelab/apimachinery';
import { delay } from './clock.js';
import type { ApiObject, ResourceClient } from './types.js';

export interface WaitOptions {
  timeoutMs: number;
  /** Between two looks; default 100 ms. */
  intervalMs?: number;
  signal?: AbortSignal;
}

/** A wait ended without its condition. */
export class WaitTimeoutError extends Error {
  override readonly name = 'WaitTimeoutError';
}

/** Looks until `condition` returns something other than undefined or false, and returns that. Errors pass through. */
export async function waitFor<R>(
  what: string,
  condition: () => Promise<R | undefined | false> | R | undefined | false,
  options: WaitOptions,
): Promise<R> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    const result = await condition();
    if (result !== undefined && result !== false) return result;
    if (options.signal?.aborted || Date.now() >= deadline) {
      throw new WaitTimeoutError(`timed out after ${options.timeoutMs} ms waiting for ${what}`);
    }
    await delay(options.intervalMs ?? 100, options.signal);
  }
}

/** Waits until an object exists and satisfies the condition. */
export function waitForObject<T extends ApiObject = KubeObject>(
  resource: ResourceClient<T>,
  name: string,
  condition: (object: T) => boolean,
  options: WaitOptions,
): Promise<T> {
  return waitFor(
    name,
    async () => {
      try {
        const object = await resource.get(name);
        return condition(object) ? object : undefined;
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    options,
  );
}

/** Waits until an object is gone. */
export async function waitForDeletion<T extends ApiObject>(
  resource: ResourceClient<T>,
  name: string,
  options: WaitOptions,
): Promise<void> {
  await waitFor(
    `deletion of ${name}`,
    async () => {
      try {
        await resource.get(name);
        return false;
      } catch (error) {
        if (isNotFound(error)) return true;
        throw error;
      }
    },
    options,
  );
}
