import { IptablesError, run } from '@kubelab/node-iptables';
import type { IpFamily } from '../address.js';
import { type SetSpec, setPrefix } from './compile.js';

const temporarySuffix = '-t';

/**
 * Keeps the ipsets of one family as wanted. Knows what it wrote, so a changed member costs one line; sets of unknown
 * content are made beside and swapped in, so that a packet never meets half a set.
 */
export class IpsetWriter {
  private readonly known = new Map<string, SetSpec>();

  constructor(
    private readonly family: IpFamily,
    private readonly prefix: string[] = [],
  ) {}

  /** Creates and fills the wanted sets. Sets no longer wanted stay, for rules may still refer to them. */
  async apply(wanted: Map<string, SetSpec>): Promise<void> {
    const lines: string[] = [];
    for (const [name, spec] of wanted) {
      const now = this.known.get(name);
      if (now?.type === spec.type) lines.push(...difference(name, now.members, spec.members));
      else lines.push(...this.replace(name, spec));
    }
    if (lines.length === 0) return;
    try {
      await this.restore(lines);
    } catch (e) {
      // Half of it may have been done: all of these are made anew next time.
      for (const name of wanted.keys()) this.known.delete(name);
      throw e;
    }
    for (const [name, spec] of wanted) this.known.set(name, { type: spec.type, members: new Set(spec.members) });
  }

  /** Nothing about the kernel's sets is known any more: the next `apply` makes all anew. */
  forget(): void {
    this.known.clear();
  }

  /** Destroys our sets that are not wanted; to be called when no rule refers to them any more. */
  async prune(wanted: Map<string, SetSpec>): Promise<void> {
    const stdout = await this.names(wanted.size === 0);
    const mine = `${setPrefix}${this.family === 'ipv6' ? '6' : '4'}`;
    const gone = stdout.split('\n').filter((n) => n.startsWith(mine) && !wanted.has(n));
    if (gone.length === 0) return;
    await this.restore(gone.map((n) => `destroy ${n}`));
    for (const n of gone) this.known.delete(n);
  }

  /** Names of all sets, a line each. `isOptional`: without the tool there are none. */
  private async names(isOptional: boolean): Promise<string> {
    try {
      return (await this.command(['ipset', 'list', '-n'])).stdout;
    } catch (error) {
      if (isOptional && error instanceof IptablesError) return '';
      throw error;
    }
  }

  private replace(name: string, spec: SetSpec): string[] {
    const family = this.family === 'ipv6' ? 'inet6' : 'inet';
    const create = (n: string) => `create -exist ${n} ${spec.type} family ${family} maxelem 1048576`;
    const other = `${name}${temporarySuffix}`;
    return [
      create(name),
      create(other),
      `flush ${other}`,
      ...[...spec.members].map((m) => `add -exist ${other} ${m}`),
      `swap ${name} ${other}`,
      `destroy ${other}`,
    ];
  }

  /** Runs lines of `ipset restore` of the caller's. */
  async restore(lines: string[]): Promise<void> {
    const { code, stderr } = await this.command(['ipset', 'restore'], `${lines.join('\n')}\n`);
    if (code !== 0) throw new Error(`ipset restore: exit status ${code}: ${stderr.trim()}`);
  }

  private command(argv: string[], stdin = '') {
    return run([...this.prefix, ...argv], stdin);
  }
}

function difference(name: string, now: Set<string>, wanted: Set<string>): string[] {
  const lines: string[] = [];
  for (const m of now) if (!wanted.has(m)) lines.push(`del -exist ${name} ${m.replace(' nomatch', '')}`);
  for (const m of wanted) if (!now.has(m)) lines.push(`add -exist ${name} ${m}`);
  return lines;
}

/** Destroys all sets of ours, of both families. Those that others' rules use stay, and the error says so. */
export async function removeSets(prefix: string[] = []): Promise<void> {
  let stdout: string;
  try {
    const listed = await run([...prefix, 'ipset', 'list', '-n']);
    if (listed.code !== 0) return;
    stdout = listed.stdout;
  } catch (error) {
    // Without the tool there are no sets of ours either.
    if (error instanceof IptablesError) return;
    throw error;
  }
  const mine = stdout.split('\n').filter((n) => n.startsWith(setPrefix));
  if (mine.length === 0) return;
  const result = await run([...prefix, 'ipset', 'restore'], mine.map((n) => `destroy ${n}\n`).join(''));
  if (result.code !== 0) throw new Error(`ipset: ${result.stderr.trim()}`);
}
