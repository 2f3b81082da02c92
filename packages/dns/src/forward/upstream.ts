import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { connect, isIP } from 'node:net';
import { flag, readQuestion } from '../wire/message.js';

/** An upstream server did not answer, or not to the question. */
export class UpstreamError extends Error {
  constructor(server: string, reason: string, options?: ErrorOptions) {
    super(`${server}: ${reason}`, options);
    this.name = 'UpstreamError';
  }
}

interface Waiting {
  query: Buffer;
  resolve(answer: Buffer): void;
  reject(error: UpstreamError): void;
  timer: NodeJS.Timeout;
}

const socketCount = 4;

/** One upstream DNS server: UDP on a few connected sockets, TCP where an answer was truncated. */
export class Upstream {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  private readonly sockets: (UdpChannel | undefined)[] = new Array(socketCount).fill(undefined);
  private next = 0;

  /** `10.0.0.1`, `10.0.0.1:5353`, `[fd00::1]:53`, `fd00::1`. Throws for anything else. */
  constructor(text: string) {
    const m = /^(?:\[([^\]]+)\](?::(\d+))?|([^:]+):(\d+)|(.+))$/.exec(text);
    this.host = m?.[1] ?? m?.[3] ?? m?.[5] ?? '';
    this.port = Number(m?.[2] ?? m?.[4] ?? 53);
    if (isIP(this.host) === 0 || this.port < 1 || this.port > 65535) {
      throw new Error(`not a DNS server address: ${JSON.stringify(text)}`);
    }
    this.address = this.host.includes(':') ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`;
  }

  /** Sends a query and resolves with the answer, under the query's own id. Rejects with UpstreamError. */
  async exchange(query: Buffer, timeoutMs: number): Promise<Buffer> {
    const answer = await this.udp(query, timeoutMs);
    return (answer.readUInt16BE(2) & flag.truncated) === 0 ? answer : this.tcp(query, timeoutMs);
  }

  close(): void {
    for (const s of this.sockets) s?.close();
  }

  private udp(query: Buffer, timeoutMs: number): Promise<Buffer> {
    const i = this.next++ % socketCount;
    let channel = this.sockets[i];
    if (!channel || channel.isClosed) {
      channel = new UdpChannel(this);
      this.sockets[i] = channel;
    }
    return channel.exchange(query, timeoutMs);
  }

  private tcp(query: Buffer, timeoutMs: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, this.host);
      const chunks: Buffer[] = [];
      socket.setTimeout(timeoutMs, () => socket.destroy(new Error('timed out')));
      socket.on('connect', () => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(query.length);
        socket.write(Buffer.concat([length, query]));
      });
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        const all = Buffer.concat(chunks);
        if (all.length < 2 || all.length < 2 + all.readUInt16BE(0)) return;
        socket.destroy();
        const answer = all.subarray(2, 2 + all.readUInt16BE(0));
        if (isAnswerTo(query, answer, query.readUInt16BE(0))) resolve(answer);
        else reject(new UpstreamError(this.address, 'answered another question over TCP'));
      });
      socket.on('error', (cause) => reject(new UpstreamError(this.address, `TCP: ${cause.message}`, { cause })));
      socket.on('close', () => reject(new UpstreamError(this.address, 'TCP: closed without an answer')));
    });
  }
}

/** A UDP socket connected to the server (so that only it can answer), with random ids on a random port. */
class UdpChannel {
  isClosed = false;
  private readonly socket: Socket;
  private readonly waiting = new Map<number, Waiting>();
  private readonly ready: Promise<void>;

  constructor(private readonly server: Upstream) {
    this.socket = createSocket(server.host.includes(':') ? 'udp6' : 'udp4');
    this.ready = new Promise((resolve, reject) => {
      this.socket.once('error', reject);
      this.socket.connect(server.port, server.host, resolve);
    });
    this.ready.catch(() => this.close());
    this.socket.on('message', (m) => this.receive(m));
    // ICMP errors (nobody listens): all who wait here learn it at once instead of timing out.
    this.socket.on('error', (e) => {
      for (const id of [...this.waiting.keys()]) this.fail(id, e.message);
    });
  }

  async exchange(query: Buffer, timeoutMs: number): Promise<Buffer> {
    try {
      await this.ready;
    } catch (cause) {
      throw new UpstreamError(this.server.address, String(cause), { cause });
    }
    let id = randomInt(65536);
    while (this.waiting.has(id)) id = randomInt(65536);
    const sent = Buffer.from(query);
    sent.writeUInt16BE(id, 0);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.fail(id, `no answer within ${timeoutMs} ms`), timeoutMs);
      this.waiting.set(id, { query, resolve, reject, timer });
      this.socket.send(sent, (e) => {
        if (e) this.fail(id, e.message);
      });
    });
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const id of [...this.waiting.keys()]) this.fail(id, 'closed');
    this.socket.close();
  }

  private receive(m: Buffer): void {
    if (m.length < 12) return;
    const id = m.readUInt16BE(0);
    const w = this.waiting.get(id);
    if (!w || !isAnswerTo(w.query, m, id)) return;
    this.waiting.delete(id);
    clearTimeout(w.timer);
    m.writeUInt16BE(w.query.readUInt16BE(0), 0);
    w.resolve(m);
  }

  private fail(id: number, reason: string): void {
    const w = this.waiting.get(id);
    if (!w) return;
    this.waiting.delete(id);
    clearTimeout(w.timer);
    w.reject(new UpstreamError(this.server.address, reason));
  }
}

/** Same id, a response, and the same question: what an off-path attacker would have to guess. */
function isAnswerTo(query: Buffer, answer: Buffer, id: number): boolean {
  if (answer.length < 12 || answer.readUInt16BE(0) !== id || (answer.readUInt16BE(2) & flag.response) === 0)
    return false;
  const asked = readQuestion(query);
  const got = readQuestion(answer);
  return got !== undefined && got.name === asked?.name && got.type === asked.type && got.class === asked.class;
}
