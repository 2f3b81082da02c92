import { connect, type TLSSocket } from 'node:tls';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

interface Job {
  host: string;
  port: number;
  path: string;
  token: string;
  watchers: number;
}

/** What a worker tells: how many watches are open, or how many events they have got so far. */
type Message = { open: true } | { failed: string } | { events: number };

/** Worker threads that watch a path over many connections and count the events, without parsing them. */
export class Watchers {
  private readonly counts: number[] = [];
  private wake: () => void = () => undefined;
  private failure: string | undefined;

  private constructor(private readonly workers: Worker[]) {}

  /** Resolves when all watches are open. @param threads the counting itself must not be what is measured */
  static async open(url: URL, token: string, watchers: number, threads = 2): Promise<Watchers> {
    const workers = Array.from({ length: threads }, (_, index) => {
      const share = Math.floor(watchers / threads) + (index < watchers % threads ? 1 : 0);
      const job: Job = {
        host: url.hostname,
        port: Number(url.port),
        path: url.pathname + url.search,
        token,
        watchers: share,
      };
      return new Worker(new URL(import.meta.url), { workerData: job });
    });
    const all = new Watchers(workers);
    await Promise.all(workers.map((worker, index) => all.follow(worker, index)));
    return all;
  }

  private follow(worker: Worker, index: number): Promise<void> {
    this.counts[index] = 0;
    return new Promise((resolve, reject) => {
      worker.on('error', reject);
      worker.on('message', (message: Message) => {
        if ('open' in message) resolve();
        else if ('events' in message) this.counts[index] = message.events;
        else {
          this.failure = message.failed;
          reject(new Error(message.failed));
        }
        this.wake();
      });
    });
  }

  get events(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Resolves when all watchers together have got that many events. @throws Error when a connection is lost */
  async until(events: number): Promise<void> {
    while (this.events < events) {
      if (this.failure) throw new Error(this.failure);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

/** Events end with a newline, which JSON does not hold otherwise; lines of the transfer's framing end with CR LF. */
const eventEnd = Buffer.from('}\n');

function watchAll(job: Job): void {
  let events = 0;
  let told = 0;
  let open = 0;
  const post = (message: Message) => parentPort?.postMessage(message);
  const opened = () => {
    open++;
    if (open === job.watchers) post({ open: true });
  };
  const begin = (socket: TLSSocket) => {
    let last = 0;
    let started = false;
    socket.write(
      `GET ${job.path} HTTP/1.1\r\nHost: ${job.host}\r\nAuthorization: Bearer ${job.token}\r\nAccept: application/json\r\n\r\n`,
    );
    socket.on('data', (chunk: Buffer) => {
      if (!started) {
        started = true;
        if (!chunk.toString('latin1', 0, 12).endsWith(' 200')) post({ failed: chunk.toString('latin1', 0, 200) });
        opened();
      }
      if (last === 0x7d && chunk[0] === 0x0a) events++;
      for (let at = chunk.indexOf(eventEnd); at >= 0; at = chunk.indexOf(eventEnd, at + 2)) events++;
      last = chunk[chunk.length - 1] ?? 0;
    });
    socket.on('error', (error) => post({ failed: error.message }));
    socket.on('close', () => post({ failed: 'a watch was closed' }));
  };
  for (let i = 0; i < job.watchers; i++) {
    const socket = connect({ host: job.host, port: job.port, rejectUnauthorized: false }, () => begin(socket));
    socket.on('error', (error) => post({ failed: error.message }));
  }
  setInterval(() => {
    if (events !== told) {
      told = events;
      post({ events });
    }
  }, 20);
}

if (!isMainThread) watchAll(workerData as Job);
