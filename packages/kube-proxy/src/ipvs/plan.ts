import type { IpFamily } from '../model/types.js';
import type { KernelVirtual } from './ipvsadm.js';
import type { Batch, KernelState } from './kernel.js';
import { dummyDevice, kernelSetName, type SetName, setNames } from './names.js';
import type { VirtualServer } from './service-part.js';

/** The lines that bring some things from the known state to the wanted one, and the state that is known after them. */
export class Plan {
  private readonly setAdditions: string[] = [];
  private readonly setDeletions: string[] = [];
  private readonly additions: string[] = [];
  private readonly deletions: string[] = [];
  private readonly binds: string[] = [];
  private readonly unbinds: string[] = [];
  private readonly commits: (() => void)[] = [];
  private virtualsChanged = 0;

  constructor(
    private readonly family: IpFamily,
    private readonly known: KernelState,
    /** `VIRTUAL REAL` of real servers that take no new connections and go when they have none. */
    private readonly leaving: Set<string>,
  ) {}

  get batch(): Batch {
    const order = (line: string) => setNames.findIndex((n) => line.split(' ')[2] === kernelSetName(n, this.family));
    return {
      // In the order of the sets, and the other way when they are emptied: a firewall's set after what it lets through.
      ipset: [
        ...this.setAdditions.sort((a, b) => order(a) - order(b)),
        ...this.setDeletions.sort((a, b) => order(b) - order(a)),
      ],
      ipvsadm: [...this.additions, ...this.deletions],
      ip: [...this.binds, ...this.unbinds],
    };
  }

  get lines(): number {
    const { ipset, ipvsadm, ip } = this.batch;
    return ipset.length + ipvsadm.length + ip.length;
  }

  /** Virtual servers that change. */
  get changed(): number {
    return this.virtualsChanged;
  }

  /** To be called when the batch was written. */
  commit(): void {
    for (const done of this.commits) done();
  }

  member(member: string, wanted: boolean): void {
    const { members } = this.known;
    if (members.has(member) === wanted) return;
    const at = member.indexOf(' ');
    const text = `${kernelSetName(member.slice(0, at) as SetName, this.family)} ${member.slice(at + 1)}`;
    if (wanted) this.setAdditions.push(`add -exist ${text}`);
    else this.setDeletions.push(`del -exist ${text}`);
    this.commits.push(() => (wanted ? members.add(member) : members.delete(member)));
  }

  address(ip: string, wanted: boolean): void {
    const { addresses } = this.known;
    if (addresses.has(ip) === wanted) return;
    const text = `${ip}/${this.family === 'ipv6' ? 128 : 32} dev ${dummyDevice}`;
    if (wanted) this.binds.push(`addr add ${text}${this.family === 'ipv6' ? ' nodad' : ''}`);
    else this.unbinds.push(`addr del ${text}`);
    this.commits.push(() => (wanted ? addresses.add(ip) : addresses.delete(ip)));
  }

  virtual(key: string, wanted: VirtualServer | undefined): void {
    const known = this.known.virtuals.get(key);
    const before = this.additions.length + this.deletions.length;
    if (!wanted) {
      if (!known) return;
      this.deletions.push(`-D ${key}`);
      this.commits.push(() => {
        this.known.virtuals.delete(key);
        for (const real of known.reals.keys()) this.leaving.delete(`${key} ${real}`);
      });
    } else {
      if (!known) this.additions.push(`-A ${key} ${wanted.options}`);
      else if (known.options !== wanted.options) this.additions.push(`-E ${key} ${wanted.options}`);
      this.reals(key, known, wanted);
    }
    if (this.additions.length + this.deletions.length > before) this.virtualsChanged++;
  }

  private reals(key: string, known: KernelVirtual | undefined, wanted: VirtualServer): void {
    const now = new Map(known?.reals);
    const stay = new Set(wanted.reals);
    for (const real of stay) {
      const weight = now.get(real);
      if (weight === undefined) this.additions.push(`-a ${key} -r ${real} -m -w 1`);
      // One that was leaving comes back with its connections.
      else if (weight !== 1) this.additions.push(`-e ${key} -r ${real} -m -w 1`);
      now.set(real, 1);
      this.commits.push(() => this.leaving.delete(`${key} ${real}`));
    }
    for (const [real, weight] of [...now]) {
      if (stay.has(real)) continue;
      if (isGraceful(key)) {
        if (weight !== 0) this.additions.push(`-e ${key} -r ${real} -m -w 0`);
        now.set(real, 0);
        this.commits.push(() => this.leaving.add(`${key} ${real}`));
      } else {
        this.deletions.push(`-d ${key} -r ${real}`);
        now.delete(real);
      }
    }
    this.commits.push(() => this.known.virtuals.set(key, { options: wanted.options, reals: now }));
  }
}

/** Only TCP has connections with an end; flows of UDP and SCTP are cut at once (kube-proxy's rule). */
function isGraceful(key: string): boolean {
  return key.startsWith('-t ');
}
