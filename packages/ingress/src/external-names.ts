import { lookup } from 'node:dns/promises';
import { deepEqual } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';

const refreshMs = 15_000;

/**
 * Addresses of the host names that Services of type ExternalName lead to. Names are asked for again from time to time;
 * a name that can't be resolved for a while keeps the addresses that it had.
 */
export class ExternalNames {
  private readonly known = new Map<string, string[]>();
  private readonly wanted = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly onChange: () => void,
    private readonly logger: Logger,
    private readonly resolve: (host: string) => Promise<string[]> = addresses,
  ) {}

  /** To be called before a compilation: only names that it then asks for are kept. */
  begin(): void {
    for (const host of this.known.keys()) if (!this.wanted.has(host)) this.known.delete(host);
    this.wanted.clear();
  }

  /** What is known now, sorted; a name that is not known yet is looked up, and told of by onChange. */
  addresses(host: string): string[] {
    this.wanted.add(host);
    const now = this.known.get(host);
    if (now) return now;
    this.known.set(host, []);
    void this.refresh(host);
    this.timer ??= setInterval(() => {
      for (const h of this.known.keys()) void this.refresh(h);
    }, refreshMs).unref();
    return [];
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async refresh(host: string): Promise<void> {
    let found: string[];
    try {
      found = (await this.resolve(host)).sort();
    } catch (error) {
      this.logger.warn('An ExternalName cannot be resolved', { host, error });
      return;
    }
    if (!this.known.has(host) || deepEqual(this.known.get(host), found)) return;
    this.known.set(host, found);
    this.onChange();
  }
}

async function addresses(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map((a) => a.address);
}
