import { createServer, type Server } from 'node:http';
import type { Logger } from '@kubelab/component-base';
import type { LocalHealth } from '../family-proxier.js';
import { listen, type ProxyHealth } from './proxy-health.js';

interface Entry {
  servers: Server[];
  port: number;
  localEndpoints: number;
}

export interface ServiceHealthOptions {
  nodeName: string;
  proxyHealth: ProxyHealth;
  /** Local addresses to listen on, those that node ports answer on; undefined: all. */
  addresses(): string[] | undefined;
  logger: Logger;
  /** Reports a port that can't be bound, for an event. */
  onProblem(service: string, message: string): void;
}

/**
 * One HTTP server a Service with a health check node port: 200 while this node has ready endpoints of it, so that
 * load balancers send only to such nodes (externalTrafficPolicy Local).
 */
export class ServiceHealthServers {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly o: ServiceHealthOptions) {}

  /** Makes the servers match: `wanted` by `namespace/name`. */
  async update(wanted: Map<string, LocalHealth>): Promise<void> {
    for (const [key, entry] of this.entries) {
      if (wanted.get(key)?.port === entry.port) continue;
      this.entries.delete(key);
      await Promise.all(entry.servers.map(close));
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
    const servers: Server[] = [];
    try {
      for (const address of this.o.addresses() ?? [undefined]) {
        const server = this.serve(key);
        await listen(server, want.port, address);
        servers.push(server);
      }
      this.entries.set(key, { servers, port: want.port, localEndpoints: want.localEndpoints });
    } catch (error) {
      await Promise.all(servers.map(close));
      const reason = error instanceof Error ? error.message : String(error);
      const { nodeName, logger } = this.o;
      logger.error('Cannot listen on a health check node port', { service: key, port: want.port, error });
      this.o.onProblem(key, `node ${nodeName} failed to start healthcheck "${key}" on port ${want.port}: ${reason}`);
    }
  }

  private serve(key: string): Server {
    const [namespace = '', name = ''] = key.split('/');
    return createServer((_req, res) => {
      const n = this.entries.get(key)?.localEndpoints ?? 0;
      const { isHealthy } = this.o.proxyHealth;
      res.writeHead(n > 0 && isHealthy ? 200 : 503, {
        'Content-Type': 'application/json',
        'X-Content-Type-Options': 'nosniff',
        'X-Load-Balancing-Endpoint-Weight': String(n),
      });
      res.end(JSON.stringify({ service: { namespace, name }, localEndpoints: n, serviceProxyHealthy: isHealthy }));
    });
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
