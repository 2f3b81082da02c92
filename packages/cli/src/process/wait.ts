import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, for the error message. */
  what: string;
  timeoutMs: number;
  intervalMs?: number;
}

/**
 * Asks until the probe gives a value other than undefined or false. Errors of the probe count as "not yet"; the last
 * one is the cause of the error after the deadline.
 */
export async function waitFor<T>(probe: () => Promise<T | undefined | false>, options: WaitOptions): Promise<T> {
  const deadline = Date.now() + options.timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) {
        return value;
      }
    } catch (error) {
      if (error instanceof AbortWait) {
        throw error;
      }
      last = error;
    }
    if (Date.now() >= deadline) {
      const reason = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`timed out after ${options.timeoutMs / 1000} s waiting for ${options.what}${reason}`, {
        cause: last,
      });
    }
    await delay(options.intervalMs ?? 100);
  }
}

/** Thrown by a probe when waiting longer is of no use (the process that should answer has ended). */
export class AbortWait extends Error {
  override readonly name = 'AbortWait';
}
