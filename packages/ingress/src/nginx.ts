import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Logger } from '@kubelab/component-base';
import type { ProxyModel } from './model.js';
import { generationOf, type NginxSettings, renderEndpoints, renderNginx } from './nginx-config.js';
import { acceptingWorkers } from './workers.js';

const exec = promisify(execFile);
const restartMs = 1000;
/** A configuration is served long before this, or nginx has a problem. */
const reloadMs = 30_000;
const pollMs = 20;

/** nginx refused a configuration; the one before stays in force. */
export class NginxConfigError extends Error {
  override readonly name = 'NginxConfigError';

  /** `reason`: what nginx said. */
  constructor(
    readonly reason: string,
    options: ErrorOptions,
  ) {
    super(`nginx refused the configuration: ${reason}`, options);
  }
}

/**
 * An nginx of our own. Endpoints are told to its workers as they run; another configuration is written, tested, then
 * loaded, so that a bad one never takes the good one away and requests under way end with the workers that began them.
 * Started again if it dies.
 */
export class Nginx {
  private child: ChildProcess | undefined;
  private configuration = '';
  private endpoints = '';
  private isStopping = false;

  constructor(
    private readonly settings: NginxSettings,
    private readonly binary: string,
    private readonly logger: Logger,
  ) {}

  private get configFile(): string {
    return `${this.settings.dir}/nginx.conf`;
  }

  get isRunning(): boolean {
    return this.child !== undefined;
  }

  /** True if the model has another configuration than the one in force: to be applied, not only told. */
  isOther(model: ProxyModel): boolean {
    return this.child === undefined || renderNginx(model, this.settings) !== this.configuration;
  }

  /** Tells the workers the endpoints of a model. True if they are others than before. Rejects if nginx does not take them. */
  async tell(model: ProxyModel): Promise<boolean> {
    if (!this.settings.lua) return false;
    const text = renderEndpoints(model);
    if (text === this.endpoints) return false;
    await mkdir(this.settings.dir, { recursive: true });
    // The file first: nginx reads it when it starts and loads a configuration, at whatever moment that is.
    const file = `${this.settings.dir}/endpoints`;
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
    if (this.child) await this.send(text);
    this.endpoints = text;
    return true;
  }

  /** Puts a model in force; resolves when nginx serves it. Throws NginxConfigError if nginx refuses it. */
  async apply(model: ProxyModel): Promise<void> {
    await this.tell(model);
    if (!this.isOther(model)) return;
    const text = await this.test(model);
    await rename(`${this.configFile}.new`, this.configFile);
    this.configuration = text;
    const before = await this.workers();
    if (this.child) this.child.kill('SIGHUP');
    else await this.start();
    try {
      await this.served(generationOf(text), before);
    } catch (error) {
      this.configuration = '';
      throw error;
    }
    await this.removeOldCertificates(model);
  }

  /** Whether nginx would take a model; nothing is changed by it. */
  async accepts(model: ProxyModel): Promise<boolean> {
    try {
      await this.test(model);
      return true;
    } catch (error) {
      if (error instanceof NginxConfigError) return false;
      throw error;
    }
  }

  /** Ends nginx when the requests under way are done. */
  async stop(): Promise<void> {
    this.isStopping = true;
    const child = this.child;
    if (!child) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGQUIT');
    });
  }

  /** Writes the configuration beside the one in force, and resolves with it if nginx takes it. */
  private async test(model: ProxyModel): Promise<string> {
    const text = renderNginx(model, this.settings);
    await this.writeCertificates(model);
    const candidate = `${this.configFile}.new`;
    await writeFile(candidate, text, { mode: 0o600 });
    try {
      await exec(this.binary, ['-t', '-q', '-p', this.settings.dir, '-c', candidate]);
    } catch (cause) {
      const { stderr = String(cause) } = cause as { stderr?: string };
      throw new NginxConfigError(/\[emerg\] (?:\d+#\d+: )?(.*)/.exec(stderr)?.[1] ?? stderr, { cause });
    }
    return text;
  }

  private async start(): Promise<void> {
    const child = spawn(this.binary, ['-p', this.settings.dir, '-c', this.configFile], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.child = child;
    child.stderr?.on('data', (b: Buffer) => this.logger.info('nginx', { message: b.toString('utf8').trim() }));
    child.once('error', (error) => this.logger.error('nginx cannot be started', { error }));
    child.once('exit', (code, signal) => {
      this.child = undefined;
      if (this.isStopping) return;
      this.logger.error('nginx ended, starting it again', { code, signal });
      setTimeout(() => {
        if (!this.isStopping && !this.child) void this.start();
      }, restartMs);
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
  }

  /** Waits until new workers answer with a configuration, and those of before take no connections any more. */
  private async served(generation: string, before: string[]): Promise<void> {
    for (const deadline = Date.now() + reloadMs; Date.now() < deadline; await delay(pollMs)) {
      const answer = await this.ask('GET', '/generation').catch(() => undefined);
      if (!this.child) break;
      if (answer?.body !== generation) continue;
      const workers = await this.workers();
      if (!before.some((pid) => workers.includes(pid))) return;
    }
    throw new Error('nginx does not serve its configuration');
  }

  private workers(): Promise<string[]> {
    const pid = this.child?.pid;
    return pid === undefined ? Promise.resolve([]) : acceptingWorkers(pid);
  }

  private async send(endpoints: string): Promise<void> {
    const { status, body } = await this.ask('POST', '/endpoints', endpoints);
    if (status !== 200) throw new Error(`nginx did not take the endpoints: ${status} ${body}`);
  }

  private ask(method: string, path: string, body = ''): Promise<{ status: number; body: string }> {
    const { statusPort, token } = this.settings;
    const headers = { 'x-token': token, 'content-length': Buffer.byteLength(body), connection: 'close' };
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: statusPort, method, path, headers, timeout: 5000 }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
        answer.on('error', reject);
      });
      sent.on('timeout', () => sent.destroy(new Error('nginx does not answer')));
      sent.on('error', reject);
      sent.end(body);
    });
  }

  private async writeCertificates(model: ProxyModel): Promise<void> {
    const dir = `${this.settings.dir}/certs`;
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const there = new Set(await readdir(dir));
    for (const c of model.servers.map((s) => s.certificate)) {
      if (!c || there.has(`${c.name}.key`)) continue;
      await writeFile(`${dir}/${c.name}.crt`, c.certPem, { mode: 0o600 });
      await writeFile(`${dir}/${c.name}.key`, c.keyPem, { mode: 0o600 });
    }
  }

  private async removeOldCertificates(model: ProxyModel): Promise<void> {
    const wanted = new Set(model.servers.flatMap((s) => (s.certificate ? [s.certificate.name] : [])));
    const dir = `${this.settings.dir}/certs`;
    for (const file of await readdir(dir)) {
      if (!wanted.has(file.replace(/\.(crt|key)$/, ''))) await rm(`${dir}/${file}`, { force: true });
    }
  }
}
