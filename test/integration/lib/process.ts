import { type ChildProcess, spawn } from 'node:child_process';

const root = new URL('../../../../', import.meta.url).pathname;

/** A process of this repository, run for a test. What it writes is kept in `log`. */
export class ServiceProcess {
  private readonly child: ChildProcess;
  /** Resolves with the exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  log = '';

  /** @param name the package whose main.js runs */
  constructor(
    readonly name: string,
    args: string[],
  ) {
    this.child = spawn(process.execPath, [...nodeArgs(), `${root}packages/${name}/dist/main.js`, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.log = (this.log + chunk.toString()).slice(-1_000_000);
      });
    }
    this.exited = new Promise((resolve) =>
      this.child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown')),
    );
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    if (this.running) this.child.kill(signal);
    return this.exited;
  }
}

/** For profiles: SERVICE_NODE_ARGS="--cpu-prof --cpu-prof-dir=/tmp/x". */
function nodeArgs(): string[] {
  return process.env.SERVICE_NODE_ARGS?.split(' ') ?? [];
}
