import { Claims } from '../claims.js';
import type { Element, Part } from './part.js';
import type { Remembered } from './remembered.js';

/** A line for nft and the service port it is for; undefined: for none. */
export interface Line {
  text: string;
  owner: string | undefined;
}

/**
 * What the table has, and the lines that bring it from there to what is wanted. Chains that are no longer wanted are
 * emptied at once and named in `unused`: before Linux 6.2 a chain can't go in the transaction that takes away the map
 * element that named it.
 */
export class TableState {
  private readonly parts = new Map<string, Part>();
  private readonly shared = new Set<string>();
  /** Elements in the kernel, by `MAP KEY`, with the text that added them. */
  private readonly elements = new Map<string, string>();
  private readonly touched = new Map<string, string>();
  private readonly claims = new Claims<Element>((id, owner) => this.touched.set(id, owner));
  /** Chains without rules that nothing leads to, and since when (ms of the epoch). */
  readonly unused = new Map<string, number>();

  constructor(
    private readonly table: string,
    private readonly ip: 'ip' | 'ip6',
    /** Put into the sets that the first update makes. */
    private readonly remembered: Map<string, Remembered> = new Map(),
  ) {}

  hasShared(name: string): boolean {
    return this.shared.has(name);
  }

  /** Lines that make a chain which service ports share. */
  addShared(name: string, rules: string[]): Line[] {
    this.shared.add(name);
    return [`add chain ${this.table} ${name}`, ...rules.map((r) => this.rule(name, r))].map(forNone);
  }

  /**
   * Lines for parts that changed (undefined: gone), in an order the kernel accepts; what they do is taken as done.
   * An owner of '' is nobody's: the node's own part.
   */
  update(changes: ReadonlyMap<string, Part | undefined>): Line[] {
    const chains: Line[] = [];
    const sets: Line[] = [];
    const rules: Line[] = [];
    for (const [key, now] of changes) {
      const line = (text: string): Line => ({ text, owner: key || undefined });
      const old = this.parts.get(key);
      this.updateShared(now, chains, rules);
      this.updateChains(
        old,
        now,
        (text) => chains.push(line(text)),
        (text) => rules.push(line(text)),
      );
      this.updateClientSets(old, now, (text) => sets.push(line(text)));
      this.claims.update(key, old?.elements, now?.elements);
      if (now) this.parts.set(key, now);
      else this.parts.delete(key);
    }
    this.remembered.clear();
    return [...chains, ...sets, ...rules, ...this.updateElements()];
  }

  private updateShared(now: Part | undefined, chains: Line[], rules: Line[]): void {
    for (const [name, list] of now?.shared ?? []) {
      if (this.shared.has(name)) continue;
      const [chain, ...itsRules] = this.addShared(name, list);
      if (chain) chains.push(chain);
      rules.push(...itsRules);
    }
  }

  private updateChains(
    old: Part | undefined,
    now: Part | undefined,
    chain: (text: string) => void,
    rule: (text: string) => void,
  ): void {
    // A set whose timeout changes is made anew, so nothing may speak of it in between.
    const isAnew = [...(now?.clientSets ?? [])].some(([name, s]) => (old?.clientSets.get(name) ?? s) !== s);
    for (const [name, list] of now?.chains ?? []) {
      const before = old?.chains.get(name);
      if (!isAnew && before?.join('\n') === list.join('\n')) continue;
      if (before) chain(`flush chain ${this.table} ${name}`);
      else chain(`add chain ${this.table} ${name}`);
      this.unused.delete(name);
      for (const r of list) rule(this.rule(name, r));
    }
    for (const name of old?.chains.keys() ?? []) {
      if (now?.chains.has(name)) continue;
      chain(`flush chain ${this.table} ${name}`);
      this.unused.set(name, Date.now());
    }
  }

  private updateClientSets(old: Part | undefined, now: Part | undefined, set: (text: string) => void): void {
    for (const [name, seconds] of old?.clientSets ?? []) {
      if (now?.clientSets.get(name) !== seconds) set(`delete set ${this.table} ${name}`);
    }
    const type = this.ip === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
    for (const [name, seconds] of now?.clientSets ?? []) {
      if (old?.clientSets.get(name) === seconds) continue;
      set(`add set ${this.table} ${name} { type ${type} ; flags dynamic,timeout ; timeout ${seconds}s ; }`);
      const before = this.remembered.get(name);
      if (before?.seconds === seconds) set(`add element ${this.table} ${name} { ${before.clients.join(', ')} }`);
    }
  }

  /** Of several service ports that want one element the first has it, and the next one when that gives it up. */
  private updateElements(): Line[] {
    const remove: Line[] = [];
    const add: Line[] = [];
    for (const [id, toucher] of this.touched) {
      const there = this.elements.get(id);
      const wanted = this.claims.get(id);
      const text = wanted && elementText(wanted);
      if (there === text) continue;
      const owner = (this.claims.owner(id) ?? toucher) || undefined;
      if (there !== undefined) {
        const at = id.indexOf(' ');
        const from = `${this.table} ${id.slice(0, at)} { ${id.slice(at + 1)} }`;
        remove.push({ text: `delete element ${from}`, owner });
        this.elements.delete(id);
      }
      if (wanted && text !== undefined) {
        add.push({ text: `add element ${this.table} ${wanted.map} { ${text} }`, owner });
        this.elements.set(id, text);
      }
    }
    this.touched.clear();
    return [...remove, ...add];
  }

  private rule(chain: string, text: string): string {
    return `add rule ${this.table} ${chain} ${text}`;
  }
}

function elementText({ key, value, comment }: Element): string {
  return `${key}${comment ? ` comment "${comment}"` : ''}${value ? ` : ${value}` : ''}`;
}

/** A line of no service port. */
export function forNone(text: string): Line {
  return { text, owner: undefined };
}
