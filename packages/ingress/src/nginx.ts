import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Logger } from '@kubelab/component-base';
import type { ProxyModel } from './model.js';
import { type NginxSettings, renderNginx } from './nginx-config.js';

const exec = promisify(execFile);
const restartMs = 1000;

/** nginx refused a configuration; the one before stays in force. */
export class NginxConfigError extends Error {
  override readonly name = 'NginxConfigError';
}

/**
 * An nginx of our own: written, tested, then reloaded, so that a bad configuration never takes the good one away and
 * requests under way end with the workers that began them. Started again if it dies.
 */
export class Nginx {
  private child: ChildProcess | undefined;
  private current = '';
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

  /** Puts a model in force. True if anything changed. Throws NginxConfigError if nginx refuses it. */
  async apply(model: ProxyModel): Promise<boolean> {
    const text = renderNginx(model, this.settings);
    if (text === this.current && this.child) return false;
    await this.writeCertificates(model);
    const candidate = `${this.configFile}.new`;
    await writeFile(candidate, text, { mode: 0o600 });
    try {
      await exec(this.binary, ['-t', '-q', '-p', this.settings.dir, '-c', candidate]);
    } catch (e) {
      throw new NginxConfigError(`nginx refused the configuration: ${(e as { stderr?: string }).stderr ?? e}`, {
        cause: e,
      });
    }
    await rename(candidate, this.configFile);
    this.current = text;
    if (this.child) this.child.kill('SIGHUP');
    else await this.start();
    await this.removeOldCertificates(model);
    return true;
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
