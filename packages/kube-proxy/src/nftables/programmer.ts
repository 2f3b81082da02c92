import { IptablesError, RestoreError, run } from '@kubelab/node-iptables';
import type { Programmer } from '../family-proxier.js';
import type { RuleOptions } from '../iptables/options.js';
import type { ProgramResult, RefusedService } from '../iptables/programmer.js';
import type { CategorizedEndpoints } from '../model/categorize.js';
import type { ServicePort } from '../model/types.js';
import { fixedPart, pickChain, words } from './layout.js';
import { type ServicePart, servicePart } from './service-part.js';

/** A line for nft and the service port it is for. */
interface Line {
  text: string;
  owner: string | undefined;
}

/** Chains for this many endpoints are made at the start; a Service with more costs one full write. */
const preparedPicks = 32;
const pickMaps = ['endpoints', 'endpoints-cluster', 'nodeport-endpoints', 'nodeport-endpoints-cluster'] as const;

type Element = { map: string; key: string; value: string };

/**
 * Programs service ports into one nftables table. A change of endpoints is a change of map elements alone: the kernel
 * neither rewrites nor checks rules for it, so its cost does not grow with the number of Services.
 */
export class NftablesProgrammer implements Programmer {
  private readonly wanted = new Map<string, ServicePart>();
  private readonly written = new Map<string, ServicePart>();
  private readonly dirty = new Set<string>();
  /** Elements in the kernel and how many service ports want them (hairpin entries are shared). */
  private readonly elements = new Map<string, { value: string; owners: Set<string> }>();
  private readonly sharedChains = new Set<string>();
  private isKnown = false;

  constructor(
    private options: RuleOptions,
    private readonly prefix: string[] = [],
  ) {}

  set(port: ServicePort, endpoints: CategorizedEndpoints): void {
    this.wanted.set(port.key, servicePart(port, endpoints, this.options));
    this.dirty.add(port.key);
  }

  remove(key: string): void {
    this.wanted.delete(key);
    this.dirty.add(key);
  }

  forget(): void {
    this.isKnown = false;
  }

  /** They stand in the fixed part: all is written anew, in one transaction. */
  setNodePortAddresses(addresses: readonly string[] | undefined): void {
    this.options = { ...this.options, nodePortAddresses: addresses };
    this.forget();
  }

  ruleCount(): Record<string, number> {
    return { nat: this.elements.size };
  }

  /** The table is ours alone; that it is there is all there is to see. */
  async verify(): Promise<number> {
    if (!this.isKnown) return 0;
    const { table } = words(this.options);
    const { code } = await run([...this.prefix, 'nft', 'list', 'chain', ...table.split(' '), 'services']);
    if (code === 0) return 0;
    this.forget();
    return 1;
  }

  async apply(): Promise<ProgramResult> {
    const refused: RefusedService[] = [];
    for (;;) {
      if (this.isKnown && this.needsPickChain()) this.isKnown = false;
      const lines = this.isKnown ? this.changes() : this.everything();
      if (lines.length === 0) return { changedChains: 0, lines: 0, refused };
      const failed = await this.run(lines);
      if (!failed) {
        const changedChains = this.dirty.size;
        this.isKnown = true;
        this.dirty.clear();
        return { changedChains, lines: lines.length, refused };
      }
      // Nothing was written: a transaction. What is known of the kernel was updated while planning, so start anew.
      this.isKnown = false;
      if (failed.owner === undefined) throw failed.error;
      this.wanted.delete(failed.owner);
      refused.push({ key: failed.owner, error: failed.error });
    }
  }

  private everything(): Line[] {
    const { table } = words(this.options);
    this.written.clear();
    this.elements.clear();
    this.sharedChains.clear();
    const fixed = [`add table ${table}`, `delete table ${table}`, `add table ${table}`, ...fixedPart(this.options)];
    const lines: Line[] = fixed.map((text) => ({ text, owner: undefined }));
    for (const map of pickMaps) {
      for (let n = 1; n <= preparedPicks; n++) {
        const chain = pickChain(this.options, map, n);
        lines.push(...this.newShared(chain.name, chain.rules));
      }
    }
    for (const key of this.wanted.keys()) this.dirty.add(key);
    return [...lines, ...this.changes()];
  }

  /**
   * True if a Service has more endpoints than there is a chain for. nft 1.0.6 can't read the type of these maps back
   * from the kernel, so rules that use them must be in the transaction that makes them.
   */
  private needsPickChain(): boolean {
    for (const key of this.dirty) {
      for (const name of this.wanted.get(key)?.shared.keys() ?? []) {
        if (name.startsWith('pick-') && !this.sharedChains.has(name)) return true;
      }
    }
    return false;
  }

  /** Lines that make a chain shared by service ports. */
  private newShared(name: string, rules: string[]): Line[] {
    const { table } = words(this.options);
    this.sharedChains.add(name);
    const texts = [`add chain ${table} ${name}`, ...rules.map((r) => `add rule ${table} ${name} ${r}`)];
    return texts.map((text) => ({ text, owner: undefined }));
  }

  /** In an order the kernel accepts: new chains, elements away, elements in, old chains away. */
  private changes(): Line[] {
    const { table } = words(this.options);
    const before: Line[] = [];
    const remove: Line[] = [];
    const add: Line[] = [];
    const after: Line[] = [];
    for (const key of this.dirty) {
      const old = this.written.get(key);
      const now = this.wanted.get(key);
      this.addChains(table, key, old, now, before);
      for (const [id, e] of old?.elements ?? []) {
        const same = now?.elements.get(id)?.value === e.value;
        if (!same && this.release(id, key))
          remove.push({ text: `delete element ${table} ${e.map} { ${e.key} }`, owner: key });
      }
      const gone = [...(old?.chains.keys() ?? [])].filter((c) => !now?.chains.has(c));
      after.push(...gone.map((c) => ({ text: `flush chain ${table} ${c}`, owner: key })));
      after.push(...gone.map((c) => ({ text: `delete chain ${table} ${c}`, owner: key })));
      for (const s of old?.clientSets.keys() ?? []) {
        if (!now?.clientSets.has(s)) after.push({ text: `delete set ${table} ${s}`, owner: key });
      }
    }
    // After all that is given up: a Service may take over an address that another leaves in the same turn.
    for (const key of this.dirty) {
      const old = this.written.get(key);
      const now = this.wanted.get(key);
      for (const [id, e] of now?.elements ?? []) {
        if (old?.elements.get(id)?.value === e.value) continue;
        if (this.acquire(id, e, key))
          add.push({ text: `add element ${table} ${e.map} { ${e.key}${e.value ? ` : ${e.value}` : ''} }`, owner: key });
      }
      if (now) this.written.set(key, now);
      else this.written.delete(key);
    }
    return [...before, ...remove, ...add, ...after];
  }

  private addChains(
    table: string,
    key: string,
    old: ServicePart | undefined,
    now: ServicePart | undefined,
    out: Line[],
  ): void {
    const rules: Line[] = [];
    const ip = this.options.family === 'ipv4' ? 'ip' : 'ip6';
    for (const [name, seconds] of now?.clientSets ?? []) {
      if (old?.clientSets.has(name)) continue;
      const spec = `typeof ${ip} saddr ; flags dynamic,timeout ; timeout ${seconds}s ;`;
      out.push({ text: `add set ${table} ${name} { ${spec} }`, owner: key });
    }
    for (const [name, list] of now?.shared ?? []) {
      if (this.sharedChains.has(name)) continue;
      const [chain, ...itsRules] = this.newShared(name, list);
      if (chain) out.push(chain);
      rules.push(...itsRules);
    }
    for (const [name, list] of now?.chains ?? []) {
      const before = old?.chains.get(name);
      if (before && before.join('\n') === list.join('\n')) continue;
      out.push({ text: `add chain ${table} ${name}`, owner: key });
      if (before) rules.push({ text: `flush chain ${table} ${name}`, owner: key });
      rules.push(...list.map((r) => ({ text: `add rule ${table} ${name} ${r}`, owner: key })));
    }
    out.push(...rules);
  }

  /** True if the element is to be written: of two service ports that want one address, the first has it. */
  private acquire(id: string, e: Element, owner: string): boolean {
    const there = this.elements.get(id);
    if (!there) {
      this.elements.set(id, { value: e.value, owners: new Set([owner]) });
      return true;
    }
    if (there.value === e.value) there.owners.add(owner);
    return false;
  }

  /** True if nobody wants the element any more. */
  private release(id: string, owner: string): boolean {
    const there = this.elements.get(id);
    if (!there?.owners.delete(owner) || there.owners.size > 0) return false;
    this.elements.delete(id);
    return true;
  }

  private async run(lines: Line[]): Promise<{ owner: string | undefined; error: RestoreError } | undefined> {
    const script = `${lines.map((l) => l.text).join('\n')}\n`;
    const { code, stderr } = await run([...this.prefix, 'nft', '-f', '-'], script);
    if (code === 0) return undefined;
    const line = Number(/(?:stdin|-):(\d+):/.exec(stderr)?.[1]) || undefined;
    const refused = line === undefined ? undefined : lines[line - 1];
    const error = new RestoreError(new IptablesError('nft -f -', code, stderr.slice(0, 1000)), {
      ...(line === undefined ? {} : { line }),
      ...(refused ? { text: refused.text } : {}),
    });
    return { owner: refused?.owner, error };
  }
}

/** Removes the tables of this mode, if they are there. Returns how many. */
export async function removeNftablesTables(prefix: string[] = []): Promise<number> {
  let removed = 0;
  for (const family of ['ipv4', 'ipv6'] as const) {
    const { table } = words({ family });
    try {
      const { code } = await run([...prefix, 'nft', 'delete', 'table', ...table.split(' ')]);
      if (code === 0) removed++;
    } catch (error) {
      // Without nft there is no table of ours either.
      if (!(error instanceof IptablesError)) throw error;
    }
  }
  return removed;
}
