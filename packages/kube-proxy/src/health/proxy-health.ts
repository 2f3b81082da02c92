import { createServer, type Server } from 'node:http';

/** Whether rules are being kept up to date: what load balancers in front of the node ask on port 10256. */
export class ProxyHealth {
  private oldestPending: number | undefined;
  private lastUpdated: number | undefined;
  private eligible = true;

  /** `timeoutMs`: a change not in the kernel after this time means unhealthy (kube-proxy: twice the sync period). */
  constructor(
    private readonly timeoutMs: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** A change was queued. */
  queued(): void {
    this.oldestPending ??= this.now();
  }

  /** Everything queued before the sync began is in the kernel. */
  updated(): void {
    this.oldestPending = undefined;
    this.lastUpdated = this.now();
  }

  /** A node that is being deleted should get no new traffic from load balancers (KEP-3458). */
  setNodeEligible(eligible: boolean): void {
    this.eligible = eligible;
  }

  get isNodeEligible(): boolean {
    return this.eligible;
  }

  /** True once the first sync was done and while none is overdue. */
  get isHealthy(): boolean {
    if (this.lastUpdated === undefined) return false;
    return this.oldestPending === undefined || this.now() - this.oldestPending < this.timeoutMs;
  }

  get lastUpdatedAt(): Date {
    return new Date(this.isHealthy ? this.now() : (this.lastUpdated ?? 0));
  }
}

/** Serves /healthz (node fit for load balancers) and /livez (proxy alive) as kube-proxy does. */
export async function serveProxyHealth(health: ProxyHealth, bindAddress: string, port: number): Promise<Server> {
  const server = createServer((req, res) => {
    const path = (req.url ?? '').split('?')[0];
    if (path !== '/healthz' && path !== '/livez') {
      res.writeHead(404).end('404 page not found\n');
      return;
    }
    const isOk = health.isHealthy && (path === '/livez' || health.isNodeEligible);
    const body = {
      lastUpdated: health.lastUpdatedAt.toISOString(),
      currentTime: new Date().toISOString(),
      ...(path === '/healthz' ? { nodeEligible: health.isNodeEligible } : {}),
    };
    res.writeHead(isOk ? 200 : 503, { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' });
    res.end(JSON.stringify(body));
  });
  await listen(server, port, bindAddress);
  return server;
}

/** Resolves when the server listens; rejects if the address can't be bound. */
export function listen(server: Server, port: number, host?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
