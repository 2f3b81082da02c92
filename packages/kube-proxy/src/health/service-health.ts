import { createServer, type Server } from 'node:http';
import type { Logger } from '@kubelab/component-base';
import type { LocalHealth } from '../family-proxier.js';
import { listen, type ProxyHealth } from './proxy-health.js';

interface Entry {
  server: Server;
  port: number;
  localEndpoints: number;
}

/**
 * One HTTP server a Service with a health check node port: 200 while this node has ready endpoints of it, so that
 * load balancers send only to such nodes (externalTrafficPolicy Local).
 */
export class ServiceHealthServers {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly proxyHealth: ProxyHealth,
    private readonly logger: Logger,
    /** Reports a port that can't be bound, for an event. */
    private readonly onProblem: (service: string, message: string) => void,
  ) {}

  /** Makes the servers match: `wanted` by `namespace/name`. */
  async update(wanted: Map<string, LocalHealth>): Promise<void> {
    for (const [key, entry] of this.entries) {
      if (wanted.get(key)?.port === entry.port) continue;
      this.entries.delete(key);
      await close(entry.server);
    }
    for (const [key, want] of wanted) {
      const entry = this.entries.get(key);
      if (entry) entry.localEndpoints = want.localEndpoints;
      else await this.open(key, want);
    }
  }

  async stop(): Promise<void> {
    await this.update(new Map());
  }

  private async open(key: string, want: LocalHealth): Promise<void> {
    const [namespace = '', name = ''] = key.split('/');
    const server = createServer((_req, res) => {
      const n = this.entries.get(key)?.localEndpoints ?? 0;
      const isOk = n > 0 && this.proxyHealth.isHealthy;
      res.writeHead(isOk ? 200 : 503, {
        'Content-Type': 'application/json',
        'X-Content-Type-Options': 'nosniff',
        'X-Load-Balancing-Endpoint-Weight': String(n),
      });
      res.end(
        JSON.stringify({
          service: { namespace, name },
          localEndpoints: n,
          serviceProxyHealthy: this.proxyHealth.isHealthy,
        }),
      );
    });
    try {
      await listen(server, want.port);
      this.entries.set(key, { server, port: want.port, localEndpoints: want.localEndpoints });
    } catch (error) {
      this.logger.error('Cannot listen on a health check node port', { service: key, port: want.port, error });
      this.onProblem(key, `node cannot listen on healthcheck port ${want.port} for service ${key}: ${String(error)}`);
    }
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
