/** Result of a batch: how many calls succeeded and what the first failure was. */
export interface BatchResult {
  successes: number;
  error?: unknown;
}

/**
 * Calls `fn` `count` times in batches of 1, 2, 4 ... so that a call that always fails (quota) is not made many times.
 * Stops after the first batch with an error.
 */
export async function slowStartBatch(count: number, fn: (index: number) => Promise<void>): Promise<BatchResult> {
  let successes = 0;
  let next = 0;
  for (let size = Math.min(count, 1); size > 0; size = Math.min(2 * size, count - next)) {
    const results = await Promise.allSettled(Array.from({ length: size }, (_, i) => fn(next + i)));
    next += size;
    const failed = results.filter((result) => result.status === 'rejected');
    successes += size - failed.length;
    if (failed[0]) return { successes, error: failed[0].reason };
  }
  return { successes };
}
