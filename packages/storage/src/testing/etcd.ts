import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@kubelab/component-base/testing';

/** Long enough for a machine that runs much else. */
const startMs = 120_000;

/** An etcd of a test's own, in a temporary directory. */
export class TestEtcd {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly directory: string,
    readonly port: number,
    private readonly peerPort: number,
  ) {}

  static async start(): Promise<TestEtcd> {
    const etcd = new TestEtcd(mkdtempSync(join(tmpdir(), 'kubelab-etcd-')), await freePort(), await freePort());
    await etcd.up();
    return etcd;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts the process (again) on the same data. */
  async up(): Promise<void> {
    const peer = `http://127.0.0.1:${this.peerPort}`;
    const logFile = join(this.directory, 'log');
    const log = openSync(logFile, 'a');
    const child = spawn(
      'etcd',
      [
        ...['--data-dir', join(this.directory, 'data'), '--name', 'test', '--unsafe-no-fsync', '--log-level', 'error'],
        ...['--listen-client-urls', this.url, '--advertise-client-urls', this.url],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `test=${peer}`],
      ],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    this.child = child;
    const deadline = Date.now() + startMs;
    for (;;) {
      const answer = await fetch(`${this.url}/health`).catch(() => undefined);
      if (answer?.ok) {
        return;
      }
      if (Date.now() > deadline || child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`etcd did not come up:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Kills the process; its data stays. */
  async kill(): Promise<void> {
    const child = this.child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A TCP proxy that can cut its connections, or let them hang without a word. */
export class CuttingProxy {
  private readonly sockets = new Set<Socket>();
  private frozen = false;
  private readonly server;
  port = 0;
  /** How many pieces of answers have gone through. */
  answers = 0;

  constructor(private readonly target: number) {
    this.server = createServer((client) => {
      const upstream = connect(this.target, '127.0.0.1');
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.sockets.add(from);
        from.on('data', (chunk) => {
          if (!this.frozen) {
            this.answers += from === upstream ? 1 : 0;
            to.write(chunk);
          }
        });
        from.on('close', () => {
          this.sockets.delete(from);
          to.destroy();
        });
        from.on('error', () => to.destroy());
      }
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  cut(): void {
    for (const socket of this.sockets) {
      socket.destroy();
    }
  }

  /** Drops everything that is sent from now on, as a broken network does; new connections work after thaw(). */
  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    this.frozen = false;
    this.cut();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
