import type { Iptables } from './command.js';

export interface CanaryOptions {
  iptables: Iptables;
  /** Name of an empty chain made in each of the tables, `KUBE-PROXY-CANARY`. */
  chain: string;
  /** Default mangle, nat, filter. The first, which should be small, is the one asked. */
  tables?: string[];
  /** Default 30,000 ms. */
  intervalMs?: number;
  /** Asked when the canary is there: whether rules are, too (`Restorer.isIntact`). */
  isIntact?(): Promise<boolean>;
  /** Called when the canary was gone (it has been made anew before the call) or `isIntact` said no. */
  onFlush(): void;
  /** A look that failed (lock held, tool missing); the next one comes after the interval. */
  onError(error: unknown): void;
  signal: AbortSignal;
}

/**
 * Watches for a foreign `iptables -F; -X` as kube-proxy's monitor does: an empty chain of ours that is gone means
 * that all else of ours may be gone too. After `iptables -F` alone the chain is still there, but rules are not: where
 * kube-proxy's periodic sync writes them again, they are looked at. One or two cheap commands an interval.
 */
export async function watchCanary(o: CanaryOptions): Promise<void> {
  const tables = o.tables ?? ['mangle', 'nat', 'filter'];
  const script = tables.map((t) => `*${t}\n:${o.chain} - [0:0]\nCOMMIT\n`).join('');
  const first = tables[0] ?? 'mangle';
  await o.iptables.restore(script);
  while (await pause(o.intervalMs ?? 30_000, o.signal)) {
    try {
      const isThere = (await o.iptables.list(first, o.chain)) !== undefined;
      if (isThere && ((await o.isIntact?.()) ?? true)) continue;
      if (!isThere) await o.iptables.restore(script);
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
