import { type ApplyStats, IptablesError, RestoreError, type Restorer } from '@kubelab/node-iptables';
import { Claims } from '../claims.js';
import type { Programmer } from '../family-proxier.js';
import { isProxyChain } from '../iptables/names.js';
import type { RuleOptions } from '../iptables/options.js';
import type { ProgramResult, RefusedService } from '../iptables/programmer.js';
import { hooks as iptablesHooks } from '../iptables/static-rules.js';
import { cidrContains } from '../model/address.js';
import type { CategorizedEndpoints } from '../model/categorize.js';
import type { ServicePort } from '../model/types.js';
import { addressOf } from './ipvsadm.js';
import { isolate } from './isolate.js';
import { IpvsKernel, type KernelState } from './kernel.js';
import { isIpvsChain, type SetName } from './names.js';
import { defaultScheduler, type IpvsOptions } from './options.js';
import { Plan } from './plan.js';
import { hooks, ipvsRules } from './rules.js';
import { invalid, type PartOptions, type ServicePart, servicePart, type VirtualServer } from './service-part.js';

/** Owner of what nobody wants: it was found in the kernel. */
const nobody = '';

/**
 * Programs service ports into IPVS: virtual servers, the addresses of kube-ipvs0, sets, and a few iptables rules that
 * match by the sets. A change costs what changed, not what there is. Calls are serialised.
 */
export class IpvsProgrammer implements Programmer {
  private readonly inputs = new Map<string, { port: ServicePort; endpoints: CategorizedEndpoints }>();
  private readonly parts = new Map<string, ServicePart>();
  /** Things to bring up to date, each with who touched it last. */
  private readonly dirty = {
    virtuals: new Map<string, string>(),
    addresses: new Map<string, string>(),
    members: new Map<string, string>(),
  };
  private readonly virtuals = new Claims<VirtualServer>((k, o) => this.dirty.virtuals.set(k, o));
  private readonly addresses = new Claims<true>((k, o) => this.dirty.addresses.set(k, o));
  private readonly members = new Claims<true>((k, o) => this.dirty.members.set(k, o));
  private readonly outFilter = new Map<string, string[]>();
  private readonly filled = new Map<SetName, number>();
  /** What is in the kernel; undefined: not known. */
  private known: KernelState | undefined;
  /** Real servers with weight 0 that have connections, or may have some. */
  private readonly leaving = new Set<string>();
  private readonly kernel: IpvsKernel;
  private nodeAddresses: ReadonlySet<string> = new Set();
  private problems: RefusedService[] = [];
  private isAdopted = false;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly restorer: Restorer,
    private options: RuleOptions,
    private readonly ipvs: IpvsOptions = {},
    prefix: string[] = [],
  ) {
    this.kernel = new IpvsKernel(options.family, prefix);
    // An earlier process may have been in iptables mode: its jumps go with its chains, in the same transaction.
    for (const h of iptablesHooks()) restorer.removeHook(h);
    for (const h of hooks()) restorer.setHook(h);
  }

  set(port: ServicePort, endpoints: CategorizedEndpoints): void {
    const why = invalid(port, endpoints);
    if (why !== undefined) {
      this.remove(port.key);
      this.problems.push({ key: port.key, error: problem(why) });
      return;
    }
    this.inputs.set(port.key, { port, endpoints });
    this.want(port.key, servicePart(port, endpoints, this.partOptions()));
  }

  remove(key: string): void {
    this.inputs.delete(key);
    this.want(key, undefined);
  }

  setNodePortAddresses(addresses: readonly string[] | undefined): void {
    this.options = { ...this.options, nodePortAddresses: addresses };
    this.recompute();
  }

  forget(): void {
    this.known = undefined;
    this.restorer.forget();
  }

  apply(): Promise<ProgramResult> {
    return this.serial(async () => {
      if (!this.isAdopted) await this.refreshNodeAddresses();
      const refused = this.problems;
      this.problems = [];
      const stats = await this.write(refused);
      await this.removeIdle();
      return { ...stats, refused };
    });
  }

  /** Compares the kernel with what was written, and looks for new addresses of this node. */
  verify(): Promise<number> {
    return this.serial(async () => {
      const written = this.known;
      if (!written) return 0;
      await this.refreshNodeAddresses();
      this.known = await this.kernel.read();
      const drift = this.markDifferences(written, this.known);
      return drift + (await this.restorer.verify(isIpvsChain)).length;
    });
  }

  /** Deletes real servers that were taken out and have no connections any more. To be called now and then. */
  sweep(): Promise<void> {
    return this.serial(() => this.removeIdle());
  }

  private partOptions(): PartOptions {
    return { ...this.options, scheduler: this.ipvs.scheduler || defaultScheduler, nodeAddresses: this.nodeAddresses };
  }

  private want(key: string, part: ServicePart | undefined): void {
    const before = this.parts.get(key);
    for (const id of part?.virtuals.keys() ?? []) {
      const other = this.virtuals.owner(id);
      if (other === undefined || other === key || before?.virtuals.has(id)) continue;
      this.problems.push({ key, error: problem(`${id.replace(/^\S+ /, '')} is already used by ${other}`) });
    }
    const asMap = (s: Set<string> | undefined) => s && new Map([...s].map((x) => [x, true as const]));
    this.count(before?.members, -1);
    this.virtuals.update(key, before?.virtuals, part?.virtuals);
    this.addresses.update(key, asMap(before?.addresses), asMap(part?.addresses));
    this.members.update(key, asMap(before?.members), asMap(part?.members));
    this.count(part?.members, 1);
    if (part) this.parts.set(key, part);
    else this.parts.delete(key);
    if (part && part.outFilter.length > 0) this.outFilter.set(key, part.outFilter);
    else this.outFilter.delete(key);
  }

  private count(members: Set<string> | undefined, step: number): void {
    for (const m of members ?? []) {
      const set = setOf(m);
      this.filled.set(set, (this.filled.get(set) ?? 0) + step);
    }
  }

  private rules() {
    return ipvsRules(this.options, (set) => (this.filled.get(set) ?? 0) > 0, [...this.outFilter.values()].flat());
  }

  /** Writes what changed. A thing the kernel refuses takes its service port out, and the others go on. */
  private async write(refused: RefusedService[]): Promise<ApplyStats> {
    for (;;) {
      try {
        if (!this.known) await this.adopt();
        return await this.writeDirty();
      } catch (error) {
        this.known = undefined;
        if (!(error instanceof IptablesError)) throw error;
        const found = await this.findRefused();
        if (!found) throw error;
        // At most one turn a service port: what is removed here can't be refused again.
        this.remove(found.owner);
        refused.push({ key: found.owner, error: problem(found.error.message, found.error) });
      }
    }
  }

  /** Reads what is there (of an earlier process, or after a failure) and marks what is not as wanted. */
  private async adopt(): Promise<void> {
    await this.kernel.prepare();
    this.known = await this.kernel.read();
    if (!this.isAdopted)
      await this.restorer.adopt((t, c) => isIpvsChain(t, c) || isProxyChain(t, c), ['nat', 'filter']);
    this.isAdopted = true;
    const mark = (claims: Claims<unknown>, dirty: Map<string, string>, there: Iterable<string>) => {
      for (const key of claims.keys()) dirty.set(key, claims.owner(key) ?? nobody);
      for (const key of there) if (!dirty.has(key)) dirty.set(key, nobody);
    };
    mark(
      this.virtuals,
      this.dirty.virtuals,
      [...this.known.virtuals.keys()].filter((k) => !this.isExcluded(k)),
    );
    mark(this.addresses, this.dirty.addresses, this.known.addresses);
    mark(this.members, this.dirty.members, this.known.members);
    this.leaving.clear();
    for (const [key, v] of this.known.virtuals) {
      if (!this.isExcluded(key))
        for (const [real, weight] of v.reals) if (weight === 0) this.leaving.add(`${key} ${real}`);
    }
  }

  private isExcluded(virtual: string): boolean {
    return (
      !this.virtuals.has(virtual) && (this.ipvs.excludeCidrs ?? []).some((c) => cidrContains(c, addressOf(virtual)))
    );
  }

  private async writeDirty(): Promise<ApplyStats> {
    const { virtuals, addresses, members } = this.dirty;
    const plan = this.plan(virtuals.keys(), addresses.keys(), members.keys());
    for (const [table, chain, rules] of this.rules()) this.restorer.setChain(table, chain, rules);
    // Rules may name a set only while it is there; sets are never removed here.
    await this.kernel.write({ ...plan.batch, ipvsadm: [], ip: [] });
    const stats = await this.restorer.apply();
    await this.kernel.write({ ...plan.batch, ipset: [] });
    plan.commit();
    for (const d of [virtuals, addresses, members]) d.clear();
    return { changedChains: stats.changedChains + plan.changed, lines: stats.lines + plan.lines };
  }

  private plan(virtuals: Iterable<string>, addresses: Iterable<string>, members: Iterable<string>): Plan {
    if (!this.known) throw new Error('the kernel is not known');
    const plan = new Plan(this.options.family, this.known, this.leaving);
    for (const m of members) plan.member(m, this.members.has(m));
    for (const v of virtuals) plan.virtual(v, this.virtuals.get(v));
    for (const a of addresses) plan.address(a, this.addresses.has(a));
    return plan;
  }

  /** After a failure: the service port of which something is refused, each attempt from what is in the kernel. */
  private async findRefused(): Promise<{ owner: string; error: IptablesError } | undefined> {
    await this.adopt();
    const kinds = ['members', 'virtuals', 'addresses'] as const;
    const all = kinds.flatMap((kind) => [...this.dirty[kind]].map(([key, owner]) => ({ kind, key, owner })));
    const found = await isolate(all, async (some) => {
      const of = (kind: (typeof kinds)[number]) => some.filter((s) => s.kind === kind).map((s) => s.key);
      try {
        this.known = await this.kernel.read();
        await this.kernel.write(this.plan(of('virtuals'), of('addresses'), of('members')).batch);
        return undefined;
      } catch (error) {
        if (error instanceof IptablesError) return error;
        throw error;
      } finally {
        this.known = undefined;
      }
    });
    return found?.owner === nobody ? undefined : found;
  }

  /** Marks what differs between two states for the next `apply`. Returns how many things do. */
  private markDifferences(written: KernelState, kernel: KernelState): number {
    let n = 0;
    const mark = (dirty: Map<string, string>, key: string) => {
      if (dirty.has(key)) return;
      dirty.set(key, nobody);
      n++;
    };
    const asText = (s: KernelState, key: string) => {
      const v = s.virtuals.get(key);
      return v && `${v.options} ${[...v.reals].map(([r, w]) => `${r}=${w}`).sort()}`;
    };
    for (const key of new Set([...written.virtuals.keys(), ...kernel.virtuals.keys()])) {
      if (asText(written, key) !== asText(kernel, key) && !this.isExcluded(key)) mark(this.dirty.virtuals, key);
    }
    for (const what of ['addresses', 'members'] as const) {
      for (const key of new Set([...written[what], ...kernel[what]])) {
        if (written[what].has(key) !== kernel[what].has(key)) mark(this.dirty[what], key);
      }
    }
    return n;
  }

  private async refreshNodeAddresses(): Promise<void> {
    const now = await this.kernel.nodeAddresses();
    if (now.size === this.nodeAddresses.size && [...now].every((a) => this.nodeAddresses.has(a))) return;
    this.nodeAddresses = now;
    this.recompute();
  }

  private recompute(): void {
    for (const [key, { port, endpoints }] of this.inputs)
      this.want(key, servicePart(port, endpoints, this.partOptions()));
  }

  private async removeIdle(): Promise<void> {
    if (this.leaving.size === 0 || !this.known) return;
    const pairs = [...this.leaving].map((id) => {
      const at = id.lastIndexOf(' ');
      return { id, virtual: id.slice(0, at), real: id.slice(at + 1) };
    });
    const counts = await this.kernel.connections([...new Set(pairs.map((p) => p.virtual))]);
    const idle = pairs.filter((p) => (counts.get(p.virtual)?.get(p.real) ?? 0) === 0);
    const there = idle.filter((p) => counts.get(p.virtual)?.has(p.real));
    try {
      await this.kernel.write({ ipset: [], ip: [], ipvsadm: there.map((p) => `-d ${p.virtual} -r ${p.real}`) });
    } catch (error) {
      this.known = undefined;
      throw error;
    }
    for (const p of idle) {
      this.leaving.delete(p.id);
      this.known.virtuals.get(p.virtual)?.reals.delete(p.real);
    }
  }

  private serial<T>(task: () => Promise<T>): Promise<T> {
    const result = this.queue.then(task);
    this.queue = result.catch(() => undefined);
    return result;
  }
}

const setOf = (member: string) => member.slice(0, member.indexOf(' ')) as SetName;

/** Why a service port can't be programmed: the kernel's reason, or ours in plain words. */
function problem(message: string, cause?: IptablesError): RestoreError {
  if (cause) return new RestoreError(cause, {});
  const error = new RestoreError(new IptablesError('ipvs', undefined, message), {});
  error.message = message;
  return error;
}
