import { type ChildProcess, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

const connector = fileURLToPath(new URL('./netns-connector.js', import.meta.url));

interface Answer {
  id: number;
  error?: string;
}

/**
 * Connects to ports of localhost in another network namespace. A process cannot be in two at a time, so a small child
 * inside that namespace connects and hands the open socket back; data then takes no detour. One child serves all
 * connections of a port-forward.
 */
export class NetnsDialer {
  #child: ChildProcess | undefined;
  #nextId = 0;
  readonly #waiting = new Map<number, { resolve(socket: Socket): void; reject(error: Error): void }>();

  /** @param netns the namespace's file; '' for our own */
  constructor(private readonly netns: string) {}

  async dial(port: number): Promise<Socket> {
    if (this.netns === '') return dialLocalhost(port);
    const child = this.#start();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      child.send({ id, port }, (error) => {
        if (error) this.#settle({ id, error: error.message }, undefined);
      });
    });
  }

  close(): void {
    this.#child?.disconnect();
    this.#child = undefined;
  }

  #start(): ChildProcess {
    if (this.#child?.connected) return this.#child;
    const child = spawn('nsenter', [`--net=${this.netns}`, process.execPath, connector], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint = `${complaint}${chunk}`.slice(0, 500);
    });
    child.on('message', (answer, socket) => this.#settle(answer as Answer, socket as Socket | undefined));
    const failAll = (why: string) => {
      for (const id of [...this.#waiting.keys()]) this.#settle({ id, error: why }, undefined);
    };
    child.on('error', (error) => failAll(`nsenter: ${error.message}`));
    child.on('exit', () => failAll(`network namespace of the pod is gone ${complaint}`));
    this.#child = child;
    return child;
  }

  #settle(answer: Answer, socket: Socket | undefined): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (!waiting) return;
    if (!socket) {
      waiting.reject(new Error(answer.error ?? 'no connection'));
      return;
    }
    socket.allowHalfOpen = true;
    waiting.resolve(socket);
  }
}

/** IPv4 first, as every runtime does; a server that listens on IPv6 only is found too. */
export async function dialLocalhost(port: number): Promise<Socket> {
  try {
    return await dial('127.0.0.1', port);
  } catch (error) {
    return dial('::1', port).catch(() => {
      throw error;
    });
  }
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    // Not read before somebody pipes it: a child that hands the socket on would read, and lose, the first answer.
    socket.pause();
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
