import type { ApiObject, Informer } from '@kubelab/client';

/** Wakes those that wait for something in informers' caches. */
export class ChangeBell {
  private readonly waiting = new Set<() => void>();

  constructor(...informers: Informer<ApiObject>[]) {
    const ring = (): void => {
      for (const look of [...this.waiting]) look();
    };
    for (const informer of informers) informer.addEventHandler({ add: ring, update: ring, delete: ring });
  }

  /**
   * Looks now and after each change until `look` says true. Rejects with what it throws, with `timedOut` after the
   * time, or when the signal aborts.
   */
  async until(look: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (look()) return;
    let stop: () => void = () => undefined;
    const changed = new Promise<void>((resolve, reject) => {
      const again = (): void => {
        try {
          if (look()) resolve();
        } catch (error) {
          reject(error as Error);
        }
      };
      const abort = (): void => reject(new Error('the scheduler is stopping'));
      const timer = setTimeout(() => reject(new Error('timed out waiting for the condition')), timeoutMs);
      this.waiting.add(again);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      stop = () => {
        clearTimeout(timer);
        this.waiting.delete(again);
        signal.removeEventListener('abort', abort);
      };
    });
    try {
      await changed;
    } finally {
      stop();
    }
  }
}
