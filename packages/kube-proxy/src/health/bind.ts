import type { Logger } from '@kubelab/component-base';

/** kube-proxy's interval. */
const retryMs = 5000;

export interface BindOptions {
  /** For the log. */
  what: string;
  /** Whether a first failure is thrown, or tried again until the signal (--bind-address-hard-fail). */
  hardFail: boolean;
  logger: Logger;
  signal: AbortSignal;
}

/** Opens a server, now or, if its port is taken, as soon as it is free. `opened` gets it. */
export async function bind<T>(open: () => Promise<T>, o: BindOptions, opened: (server: T) => void): Promise<void> {
  try {
    opened(await open());
  } catch (error) {
    if (o.hardFail) throw error;
    o.logger.error('Cannot listen, trying again', { what: o.what, error });
    const timer = setTimeout(() => {
      if (!o.signal.aborted) void bind(open, o, opened);
    }, retryMs);
    timer.unref();
  }
}
