import { spawn } from 'node:child_process';
import { IptablesError } from './errors.js';
import type { Backend, Family } from './types.js';

export interface CommandOptions {
  family: Family;
  backend: Backend;
  /** Seconds to wait for the xtables lock (`-w`). Default 5. */
  waitSeconds?: number;
  /** Put before each command, for example `['ip', 'netns', 'exec', 'n1']`. */
  prefix?: string[];
}

interface Outcome {
  code: number | undefined;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end with its whole input and output in memory. Rejects only if it can't be started. */
export function run(argv: string[], stdin = ''): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0] as string, argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (b: Buffer) => out.push(b));
    child.stderr.on('data', (b: Buffer) => err.push(b));
    child.on('error', (cause) => reject(new IptablesError(argv.join(' '), undefined, cause.message, { cause })));
    child.on('close', (code) =>
      resolve({
        code: code ?? undefined,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
      }),
    );
    // The tool may give up before it has read everything; its exit status tells.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
}

/** The iptables commands of one family and back end. Each call is one process. */
export class Iptables {
  readonly family: Family;
  readonly backend: Backend;
  private readonly wait: string;
  private readonly prefix: string[];
  private readonly base: string;

  constructor(o: CommandOptions) {
    this.family = o.family;
    this.backend = o.backend;
    this.wait = String(o.waitSeconds ?? 5);
    this.prefix = o.prefix ?? [];
    this.base = `${o.family === 'ipv6' ? 'ip6tables' : 'iptables'}-${o.backend}`;
  }

  private async command(argv: string[], stdin?: string): Promise<string> {
    const { code, stdout, stderr } = await run([...this.prefix, ...argv], stdin);
    if (code !== 0) throw new IptablesError(argv.join(' '), code, stderr);
    return stdout;
  }

  /** `iptables-save [-t table] [-c]`. */
  save(table?: string, counters = false): Promise<string> {
    return this.command([`${this.base}-save`, ...(table ? ['-t', table] : []), ...(counters ? ['-c'] : [])]);
  }

  /** `iptables-restore --noflush -w`: atomic a table; chains not declared in the script stay as they are. */
  async restore(script: string): Promise<void> {
    await this.command([`${this.base}-restore`, '--noflush', '-w', this.wait], script);
  }

  /** Rules of one chain (`-S chain`): the text after `-A CHAIN `; undefined if there is no such chain. */
  async list(table: string, chain: string): Promise<string[] | undefined> {
    let out: string;
    try {
      out = await this.command([this.base, '-w', this.wait, '-t', table, '-S', chain]);
    } catch (e) {
      // Status 1 is "no such chain" (each version words it differently); all else is a real failure.
      if (e instanceof IptablesError && e.exitCode === 1) return undefined;
      throw e;
    }
    const start = `-A ${chain} `;
    return out
      .split('\n')
      .filter((l) => l.startsWith(start))
      .map((l) => l.slice(start.length));
  }

  /** One command, for example `run('-t', 'nat', '-N', 'X')`. Throws IptablesError. */
  async run(...args: string[]): Promise<string> {
    return this.command([this.base, '-w', this.wait, ...args]);
  }
}
