import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Handler, Listener } from './listener.js';

const idleMs = 10_000;
const maxConnections = 1000;
/** Of one connection, under way; more wait until some are answered. */
const maxPending = 100;
/** A client that does not read its answers holds so many bytes of them here before it is no longer read from. */
const maxUnread = 256 * 1024;

/** Answers queries over TCP: two bytes of length before each message, several on a connection (RFC 7766). */
export async function listenTcp(address: string, port: number, handle: Handler): Promise<Listener> {
  const connections = new Set<TcpConnection>();
  // A client may end its side after the last query and still read the answers.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = new TcpConnection(socket, handle);
    connections.add(connection);
    socket.on('close', () => connections.delete(connection));
  });
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, ipv6Only: address.includes(':') }, () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const c of connections) c.finish();
      }),
  };
}

class TcpConnection {
  private buffered: Buffer = Buffer.alloc(0);
  private pending = 0;
  /** No more queries are taken. */
  private isEnding = false;
  private readonly family: '1' | '2';

  constructor(
    private readonly socket: Socket,
    private readonly handle: Handler,
  ) {
    this.family = socket.remoteFamily === 'IPv6' ? '2' : '1';
    // Idle in both directions: also a client that never reads.
    socket.setTimeout(idleMs, () => socket.destroy());
    // The other side went away; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('end', () => this.finish());
    socket.on('drain', () => this.serve());
    socket.on('data', (chunk: Buffer) => {
      this.buffered = this.buffered.length === 0 ? chunk : Buffer.concat([this.buffered, chunk]);
      this.serve();
    });
  }

  /** Ends when the queries that came are answered. */
  finish(): void {
    this.isEnding = true;
    this.serve();
  }

  private get isFull(): boolean {
    return this.pending >= maxPending || this.socket.writableLength > maxUnread;
  }

  private serve(): void {
    let at = 0;
    const { buffered } = this;
    while (!this.isFull && buffered.length - at >= 2) {
      const end = at + 2 + buffered.readUInt16BE(at);
      if (buffered.length < end) break;
      this.answer(buffered.subarray(at + 2, end));
      at = end;
    }
    this.buffered = buffered.subarray(at);
    if (this.isFull) this.socket.pause();
    else this.socket.resume();
    if (this.isEnding && this.pending === 0 && !this.socket.writableEnded) this.socket.end();
  }

  private answer(query: Buffer): void {
    this.pending++;
    let isHere = true;
    this.handle(query, 'tcp', this.family, (answer) => {
      this.pending--;
      if (answer && !this.socket.destroyed) {
        const message = Buffer.allocUnsafe(answer.length + 2);
        message.writeUInt16BE(answer.length);
        answer.copy(message, 2);
        this.socket.write(message);
      }
      // Later than at once: there may be room for more again.
      if (!isHere) this.serve();
    });
    isHere = false;
  }
}
