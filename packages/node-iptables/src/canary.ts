import type { Iptables } from './command.js';

export interface CanaryOptions {
  iptables: Iptables;
  /** Name of an empty chain made in each of the tables, `KUBE-PROXY-CANARY`. */
  chain: string;
  /** Default mangle, nat, filter. The first, which should be small, is the one asked. */
  tables?: string[];
  /** Default 30,000 ms. */
  intervalMs?: number;
  /** Called when the canary was gone (something flushed the rules). It has been made anew before the call. */
  onFlush(): void;
  /** A look that failed (lock held, tool missing); the next one comes after the interval. */
  onError(error: unknown): void;
  signal: AbortSignal;
}

/**
 * Watches for a foreign `iptables -F; -X` as kube-proxy's monitor does: an empty chain of ours that is gone means
 * that all else of ours may be gone too. One cheap command an interval.
 */
export async function watchCanary(o: CanaryOptions): Promise<void> {
  const tables = o.tables ?? ['mangle', 'nat', 'filter'];
  const script = tables.map((t) => `*${t}\n:${o.chain} - [0:0]\nCOMMIT\n`).join('');
  const first = tables[0] ?? 'mangle';
  await o.iptables.restore(script);
  while (await pause(o.intervalMs ?? 30_000, o.signal)) {
    try {
      if ((await o.iptables.list(first, o.chain)) !== undefined) continue;
      await o.iptables.restore(script);
      o.onFlush();
    } catch (e) {
      o.onError(e);
    }
  }
}

/** False if the signal came first. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const stop = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve(true);
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
