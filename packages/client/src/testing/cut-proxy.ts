import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy that can go silent: connections stay, nothing gets through, as with a cable pulled. */
export class CutProxy {
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  private cutOff = false;
  port = 0;

  constructor(private readonly targetPort: number) {}

  async start(): Promise<void> {
    const server = createServer((near) => {
      this.keep(near);
      // Accepted by the kernel even when cut; nobody answers.
      if (this.cutOff) return;
      const far = connect(this.targetPort, '127.0.0.1');
      this.keep(far);
      near.on('data', (data) => !this.cutOff && far.write(data));
      far.on('data', (data) => !this.cutOff && near.write(data));
      near.on('close', () => far.destroy());
      far.on('close', () => !this.cutOff && near.destroy());
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  cut(): void {
    this.cutOff = true;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server?.close(() => resolve()));
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    // A reset by the other side is an end like any other here.
    socket.on('error', () => socket.destroy());
  }
}
