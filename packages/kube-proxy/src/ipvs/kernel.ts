import { IptablesError, run } from '@kubelab/node-iptables';
import type { IpFamily } from '../model/types.js';
import { isIpv6Key, type KernelVirtual, parseConnections, parseVirtuals } from './ipvsadm.js';
import { createSetLine, dummyDevice, kernelSetName, type SetName, setNames } from './names.js';

/** What of IPVS, kube-ipvs0 and the sets is in the kernel, of one family. */
export interface KernelState {
  virtuals: Map<string, KernelVirtual>;
  addresses: Set<string>;
  /** `SET entry`, by the names of IPv4. */
  members: Set<string>;
}

/** Lines for the three tools, each a batch of one process. */
export interface Batch {
  ipset: string[];
  ipvsadm: string[];
  ip: string[];
}

/** More virtual servers than this are asked for all at once. */
const askSingly = 8;

interface IpAddress {
  ifname?: string;
  addr_info?: { local?: string; scope?: string }[];
}

/** The commands by which the mode reads and writes the kernel: ipvsadm, ipset, ip. Each throws what went wrong. */
export class IpvsKernel {
  private readonly setsByName: Map<string, SetName>;

  constructor(
    readonly family: IpFamily,
    private readonly prefix: string[] = [],
  ) {
    this.setsByName = new Map(setNames.map((name) => [kernelSetName(name, family), name]));
  }

  /** Makes the device and the sets, if they are not there. */
  async prepare(): Promise<void> {
    const { code, stderr } = await run([...this.prefix, 'ip', 'link', 'add', dummyDevice, 'type', 'dummy']);
    if (code !== 0 && !/File exists/.test(stderr)) throw new IptablesError(`ip link add ${dummyDevice}`, code, stderr);
    await this.batch(
      ['ipset', 'restore'],
      setNames.map((name) => createSetLine(name, this.family)),
    );
  }

  /** What there is. Makes the device and the sets if somebody has removed them. */
  async read(): Promise<KernelState> {
    try {
      return await this.readState();
    } catch (error) {
      if (!(error instanceof IptablesError)) throw error;
      await this.prepare();
      return this.readState();
    }
  }

  private async readState(): Promise<KernelState> {
    const isOurs = (key: string) => isIpv6Key(key) === (this.family === 'ipv6');
    const [virtuals, sets, links] = await Promise.all([
      this.command(['ipvsadm', '-Sn']),
      this.command(['ipset', 'save']),
      this.addresses('dev', dummyDevice),
    ]);
    const members = new Set<string>();
    for (const line of sets.split('\n')) {
      const [op, set = '', entry] = line.split(' ');
      const name = op === 'add' ? this.setsByName.get(set) : undefined;
      if (name) members.add(`${name} ${entry}`);
    }
    return {
      virtuals: new Map([...parseVirtuals(virtuals)].filter(([key]) => isOurs(key))),
      addresses: new Set(links.flatMap((l) => globalAddresses(l))),
      members,
    };
  }

  /** Addresses of the interfaces that are up, without loopback and link-local ones: node ports answer on them. */
  async nodeAddresses(): Promise<Set<string>> {
    const links = await this.addresses('up');
    return new Set(links.filter((l) => l.ifname !== dummyDevice).flatMap((l) => globalAddresses(l)));
  }

  /** Active and inactive connections by virtual and real server. */
  async connections(keys: string[]): Promise<Map<string, Map<string, number>>> {
    if (keys.length > askSingly) return parseConnections(await this.command(['ipvsadm', '-Ln']));
    const lists = await Promise.all(
      keys.map(async (key) => {
        const { code, stdout, stderr } = await run([...this.prefix, 'ipvsadm', '-Ln', ...key.split(' ')]);
        if (code !== 0 && !/No such service/.test(stderr)) throw new IptablesError(`ipvsadm -Ln ${key}`, code, stderr);
        return parseConnections(stdout);
      }),
    );
    return new Map(lists.flatMap((list) => [...list]));
  }

  /** Sets first and addresses last: what an address leads to is there before the first packet can come. */
  async write(b: Batch): Promise<void> {
    await this.batch(['ipset', 'restore'], b.ipset);
    await this.batch(['ipvsadm', '-R'], b.ipvsadm);
    await this.batch(['ip', '-batch', '-'], b.ip);
  }

  private async addresses(...which: string[]): Promise<IpAddress[]> {
    const family = this.family === 'ipv6' ? '-6' : '-4';
    const text = await this.command(['ip', '-j', family, 'addr', 'show', ...which]);
    return text.trim() === '' ? [] : (JSON.parse(text) as IpAddress[]);
  }

  private async batch(argv: string[], lines: string[]): Promise<void> {
    if (lines.length === 0) return;
    const { code, stderr } = await run([...this.prefix, ...argv], `${lines.join('\n')}\n`);
    // ipvsadm goes on after a line that the kernel refuses, and does not always tell by its status.
    if (code !== 0 || (argv[0] === 'ipvsadm' && stderr !== '')) throw new IptablesError(argv.join(' '), code, stderr);
  }

  private async command(argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await run([...this.prefix, ...argv]);
    if (code !== 0) throw new IptablesError(argv.join(' '), code, stderr);
    return stdout;
  }
}

function globalAddresses(link: IpAddress): string[] {
  return (link.addr_info ?? []).filter((a) => a.local && a.scope === 'global').map((a) => a.local as string);
}
