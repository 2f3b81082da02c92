import { run } from '@kubelab/node-iptables';

/** Routes of ours carry this protocol number, so that they can be told from all others (rtnetlink(7); 4-255 are free). */
export const routeProtocol = 171;

/** `ip` or another tool of iproute2 failed. */
export class IpCommandError extends Error {
  constructor(
    readonly command: string,
    readonly stderr: string,
  ) {
    super(`${command}: ${stderr.trim()}`);
    this.name = 'IpCommandError';
  }
}

/** Runs iproute2's tools, in another namespace if a prefix says so. */
export class IpCommand {
  constructor(private readonly prefix: string[] = []) {}

  /** Returns standard output. Throws IpCommandError on failure. */
  async run(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await run([...this.prefix, ...argv]);
    if (code !== 0) throw new IpCommandError(argv.join(' '), stderr);
    return stdout;
  }

  /** `ip -j ...`, parsed. */
  async json<T>(...args: string[]): Promise<T[]> {
    const out = await this.run('ip', '-j', ...args);
    return out.trim() === '' ? [] : (JSON.parse(out) as T[]);
  }

  /** Runs the lines of a script for `ip -batch`. */
  async batch(lines: string[]): Promise<void> {
    const { code, stderr } = await run([...this.prefix, 'ip', '-batch', '-'], `${lines.join('\n')}\n`);
    if (code !== 0) throw new IpCommandError('ip -batch -', stderr);
  }

  /** Undefined instead of an error if the link does not exist. */
  async link(name: string): Promise<Link | undefined> {
    try {
      return (await this.json<Link>('-d', 'link', 'show', 'dev', name))[0];
    } catch (e) {
      if (e instanceof IpCommandError && /does not exist|Cannot find device/.test(e.stderr)) return undefined;
      throw e;
    }
  }

  async sysctl(...settings: string[]): Promise<void> {
    await this.run('sysctl', '-qw', ...settings);
  }
}

/** The parts of `ip -j -d link` that are used. */
export interface Link {
  ifname: string;
  mtu: number;
  flags: string[];
  address: string;
  linkinfo?: { info_kind?: string; info_data?: { id?: number; local?: string; local6?: string; port?: number } };
}

/** The parts of `ip -j route get` that are used: no gateway means that the address is on the link. */
export interface RouteTo {
  dst: string;
  gateway?: string;
  dev?: string;
  prefsrc?: string;
  type?: string;
}
