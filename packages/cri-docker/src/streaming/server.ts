import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '@kubelab/component-base';
import { refuseUpgrade } from '@kubelab/streaming';

/** What happens when the client comes to collect what a CRI call has prepared. */
export type StreamingSession = (req: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;

/** How long the URL of Exec, Attach or PortForward is good for, as in Kubernetes. */
const tokenLifetimeMs = 60_000;

/** More prepared sessions than this are refused: nobody comes for them. */
const maxTokens = 1000;

/**
 * The HTTP server behind the URLs that Exec, Attach and PortForward return. A URL holds a secret and works once; it
 * carries no other authentication, so the address should be one of this machine only.
 */
export class StreamingServer {
  readonly #sessions = new Map<string, { start: StreamingSession; timer: NodeJS.Timeout }>();
  #server: Server | undefined;
  #base = '';

  constructor(private readonly logger: Logger) {}

  /** @param address host:port; port 0 takes a free one */
  async listen(address: string): Promise<void> {
    const colon = address.lastIndexOf(':');
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
    const server = createServer((_req, res) => {
      res.writeHead(400).end('unable to upgrade: missing upgrade headers in request\n');
    });
    server.on('upgrade', (req, socket, head) => this.#upgrade(req, socket, head));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(Number(address.slice(colon + 1)), host, resolve);
    });
    this.#server = server;
    const { port, family, address: bound } = server.address() as AddressInfo;
    this.#base = `http://${family === 'IPv6' ? `[${bound}]` : bound}:${port}`;
  }

  /** Prepares a session and returns the URL that starts it. Throws when too many wait. */
  prepare(kind: 'exec' | 'attach' | 'portforward', start: StreamingSession): string {
    if (this.#sessions.size >= maxTokens) throw new Error('too many streaming requests wait to be collected');
    const token = randomBytes(16).toString('base64url');
    const timer = setTimeout(() => this.#sessions.delete(token), tokenLifetimeMs);
    timer.unref();
    this.#sessions.set(token, { start, timer });
    return `${this.#base}/${kind}/${token}`;
  }

  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A client may go away at any time; the session sees that in its streams.
    socket.on('error', () => socket.destroy());
    const token = (req.url ?? '').split('?')[0]?.split('/')[2] ?? '';
    const session = this.#sessions.get(token);
    if (!session) {
      refuseUpgrade(socket, 404, 'no such streaming request, or it was used already\n');
      return;
    }
    clearTimeout(session.timer);
    this.#sessions.delete(token);
    session.start(req, socket, head).catch((error: unknown) => {
      this.logger.error('Streaming request failed', { error });
      socket.destroy();
    });
  }
}
