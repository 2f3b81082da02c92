import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '@kubelab/apimachinery';
import { TestApiServer } from '@kubelab/apiserver/testing';

const token = 'bench-token';

/** The API server that is measured: a process of its own, on an etcd of its own. */
export class Target {
  readonly token = token;

  private constructor(
    private readonly server: TestApiServer,
    private readonly tokens: string,
  ) {}

  static async start(): Promise<Target> {
    const tokens = join(tmpdir(), `kubelab-bench-tokens-${process.pid}.csv`);
    // The token authenticates as an administrator would by certificate; wrk can present only a token.
    writeFileSync(tokens, `${token},bench,bench,"system:masters"\n`, { mode: 0o600 });
    return new Target(await TestApiServer.start(['--token-auth-file', tokens]), tokens);
  }

  get url(): string {
    return this.server.url;
  }

  get pid(): number {
    return this.server.pid;
  }

  get etcdUrl(): string {
    return this.server.etcd.url;
  }

  /** @throws Error when the answer is no success */
  async ask(path: string, body?: unknown): Promise<KubeObject> {
    const answer = await this.server.ask(path, body === undefined ? {} : { body });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer.json as KubeObject;
  }

  /** Kills the process and starts it again on the same etcd; resolves once it is ready. */
  async restart(): Promise<void> {
    await this.server.kill('SIGKILL');
    await this.server.up();
  }

  /** Ends it cleanly (so that profiles are written) and removes its files. */
  async stop(): Promise<void> {
    await this.server.kill('SIGTERM');
    await this.server.remove();
    rmSync(this.tokens, { force: true });
  }
}
