import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@kubelab/component-base/testing';
import { createCa, generateServiceAccountKeys, type KeyPair, kubeconfig, signCertificate } from '@kubelab/pki';
import { TestEtcd } from '@kubelab/storage/testing';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever the server answered
  json: any;
}

export interface Ask {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** Sent without a client certificate. */
  anonymous?: boolean;
}

const main = new URL('../main.js', import.meta.url).pathname;

/** An API server process with an etcd and authorities of its own, for tests and benchmarks. */
export class TestApiServer {
  private child: ChildProcess | undefined;
  private agent: Agent | undefined;
  readonly kubeconfigPath: string;
  log = '';

  private constructor(
    readonly directory: string,
    readonly etcd: TestEtcd,
    private readonly ownsEtcd: boolean,
    readonly port: number,
    private readonly ca: KeyPair,
    private readonly admin: KeyPair,
    private readonly flags: string[],
  ) {
    this.kubeconfigPath = join(directory, 'admin.kubeconfig');
  }

  /** @param flags added to the usual ones @param beside another server whose etcd and authorities are used */
  static async start(flags: string[] = [], beside?: TestApiServer): Promise<TestApiServer> {
    const directory = mkdtempSync(join(tmpdir(), 'kubelab-apiserver-'));
    const etcd = beside?.etcd ?? (await TestEtcd.start());
    const ca = beside?.ca ?? (await createCa('kubernetes'));
    const names = { dnsNames: ['localhost', 'kubernetes'], ipAddresses: ['127.0.0.1', '10.96.0.1'] };
    const serving = await signCertificate(ca, { commonName: 'kube-apiserver', usages: ['server'], ...names });
    const admin = await signCertificate(ca, {
      commonName: 'kubernetes-admin',
      organizations: ['system:masters'],
      usages: ['client'],
    });
    const server = new TestApiServer(directory, etcd, !beside, await freePort(), ca, admin, flags);
    const keys = generateServiceAccountKeys();
    const files: Record<string, string> = {
      'ca.crt': ca.certPem,
      'server.crt': serving.certPem,
      'server.key': serving.keyPem,
      'admin.crt': admin.certPem,
      'admin.key': admin.keyPem,
      'sa.pub': keys.publicPem,
      'sa.key': keys.privatePem,
      'admin.kubeconfig': kubeconfig({
        clusterName: 'test',
        server: server.url,
        caPem: ca.certPem,
        userName: 'admin',
        certPem: admin.certPem,
        keyPem: admin.keyPem,
      }),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text, { mode: 0o600 });
    await server.up();
    return server;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** The connections of the administrator, for requests that `ask` cannot make. */
  get tls(): Agent | undefined {
    return this.agent;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  /** Writes a kubeconfig of another user of this server, and returns its path. */
  async kubeconfigOf(userName: string, organizations: string[] = [], server = this.url): Promise<string> {
    const { certPem, keyPem } = await signCertificate(this.ca, {
      commonName: userName,
      organizations,
      usages: ['client'],
    });
    const path = this.file(`${userName.replaceAll(':', '-')}-${new URL(server).port}.kubeconfig`);
    const text = kubeconfig({ clusterName: 'test', server, caPem: this.ca.certPem, userName, certPem, keyPem });
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** Starts the process (again) and waits until it is ready. */
  async up(): Promise<void> {
    const f = (name: string) => this.file(name);
    const child = spawn(process.execPath, [
      // For profiles: NODE_ARGS="--cpu-prof --cpu-prof-dir=/tmp/x".
      ...(process.env.NODE_ARGS?.split(' ') ?? []),
      main,
      ...['--etcd-servers', this.etcd.url, '--secure-port', String(this.port), '--bind-address', '127.0.0.1'],
      ...['--advertise-address', '127.0.0.1', '--tls-cert-file', f('server.crt')],
      ...['--tls-private-key-file', f('server.key'), '--client-ca-file', f('ca.crt')],
      ...['--service-account-key-file', f('sa.pub'), '--service-account-signing-key-file', f('sa.key')],
      ...['--service-account-issuer', 'https://kubernetes.default.svc.cluster.local'],
      ...['--authorization-mode', 'Node,RBAC', ...this.flags],
    ]);
    this.child = child;
    this.agent = new Agent({
      ca: this.ca.certPem,
      cert: this.admin.certPem,
      key: this.admin.keyPem,
      keepAlive: true,
    });
    const sink = createWriteStream(this.file('log'), { flags: 'a' });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.log = (this.log + chunk.toString()).slice(-1_000_000);
        sink.write(chunk);
      });
    }
    const deadline = Date.now() + 180_000;
    for (;;) {
      const answer = await this.ask('/readyz').catch(() => undefined);
      if (answer?.status === 200) return;
      if (Date.now() > deadline || child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the API server did not come up:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sends one request; a body that is no string or Buffer goes as JSON. */
  ask(path: string, ask: Ask = {}): Promise<Answer> {
    const { body } = ask;
    const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const req = request(
        `${this.url}${path}`,
        {
          method: ask.method ?? (body === undefined ? 'GET' : 'POST'),
          headers: {
            ...(raw === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(raw) }),
            ...ask.headers,
          },
          agent: ask.anonymous ? new Agent({ ca: this.ca.certPem }) : this.agent,
        },
        (res) => {
          const chunks: Buffer[] = [];
          res.on('data', (chunk: Buffer) => chunks.push(chunk));
          res.on('error', reject);
          res.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const text = bytes.toString('utf8');
            resolve({ status: res.statusCode ?? 0, headers: res.headers, text, bytes, json: parseOrUndefined(text) });
          });
        },
      );
      req.on('error', reject);
      req.end(raw);
    });
  }

  /** Runs kubectl (or another version of it) against this server; never rejects. */
  kubectl(
    args: string[],
    o: { input?: string; binary?: string } = {},
  ): Promise<{ code: number; out: string; err: string }> {
    return new Promise((resolve) => {
      const child = execFile(
        o.binary ?? 'kubectl',
        ['--kubeconfig', this.kubeconfigPath, ...args],
        {
          maxBuffer: 64 << 20,
          timeout: 180_000,
          env: { ...process.env, HOME: this.directory, KUBECACHEDIR: join(this.directory, 'cache') },
        },
        (error, out, err) => resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
      );
      child.stdin?.end(o.input ?? '');
    });
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.agent?.destroy();
    const child = this.child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      await gone;
    }
  }

  async remove(): Promise<void> {
    await this.kill();
    if (this.ownsEtcd) await this.etcd.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON: tests look at the text then.
    return undefined;
  }
}
