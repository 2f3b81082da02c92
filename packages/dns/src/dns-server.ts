import type { Logger } from '@kubelab/component-base';
import type { DnsMetrics } from './metrics.js';
import type { Resolver } from './resolver.js';
import type { Handler, Listener } from './server/listener.js';
import { listenTcp } from './server/tcp.js';
import { listenUdp } from './server/udp.js';
import { bareResponse, rcode, readQuestion } from './wire/message.js';
import { typeName } from './wire/types.js';

export interface DnsServerOptions {
  /** Each is bound for UDP and TCP. */
  addresses: string[];
  /** 0 takes a free port (of the first address, then used for all). */
  port: number;
  resolver: Resolver;
  metrics: DnsMetrics;
  logger: Logger;
}

/** The sockets around a resolver. */
export class DnsServer {
  private readonly listeners: Listener[] = [];
  port = 0;

  private constructor(private readonly o: DnsServerOptions) {}

  /** Rejects if an address can't be bound; those bound before are then closed. */
  static async start(o: DnsServerOptions): Promise<DnsServer> {
    const server = new DnsServer(o);
    server.port = o.port;
    try {
      for (const address of o.addresses) {
        const udp = await listenUdp(address, server.port, server.handle);
        server.listeners.push(udp);
        server.port = udp.port;
        server.listeners.push(await listenTcp(address, server.port, server.handle));
      }
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** Takes no more queries; those taken get their answers. */
  async close(): Promise<void> {
    await Promise.all(this.listeners.map((l) => l.close()));
  }

  private readonly handle: Handler = (query, protocol, family, reply) => {
    const started = performance.now();
    const { metrics, logger } = this.o;
    const done = (answer: Buffer | undefined) => {
      if (answer) metrics.response(answer, (performance.now() - started) / 1000);
      reply(answer);
    };
    const failed = (error: unknown) => {
      const q = readQuestion(query);
      metrics.panics.inc();
      logger.error('Resolving failed', { name: q?.name, error });
      done(q ? bareResponse(query, q.end, rcode.serverFailure) : undefined);
    };
    try {
      const answer = this.o.resolver.resolve(query, protocol === 'udp', (type) =>
        metrics.request(protocol, family, typeName(type)),
      );
      if (answer instanceof Promise) answer.then(done, failed);
      else done(answer);
    } catch (error) {
      failed(error);
    }
  };
}
