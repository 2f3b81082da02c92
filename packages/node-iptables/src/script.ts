import { type BagChain, type DesiredChain, flatten, type KnownChain } from './chain-state.js';

/** Up to so many chains the order of their declarations costs nothing to speak of. */
const fewChains = 1000;

/** The changes to one table, to be rendered in the one order that the kernel accepts in one transaction. */
export class TableScript {
  /** `:CHAIN - [0:0]`: creates the chain or empties it. */
  private readonly declarations: string[] = [];
  private readonly lines: string[] = [];
  private readonly deletions: string[] = [];

  constructor(readonly table: string) {}

  get isEmpty(): boolean {
    return this.declarations.length + this.lines.length + this.deletions.length === 0;
  }

  get lineCount(): number {
    return this.declarations.length + this.lines.length + this.deletions.length;
  }

  add(line: string): void {
    this.lines.push(line);
  }

  /** Writes the chain whole, whatever is in the kernel. */
  rewrite(name: string, chain: DesiredChain): void {
    this.declarations.push(`:${name} - [0:0]`);
    for (const r of flatten(chain)) this.lines.push(`-A ${name} ${r}`);
  }

  /** Deletes the chain, which may or may not exist. Emptied first, so that chains of one batch may refer to each other. */
  remove(name: string): void {
    this.declarations.push(`:${name} - [0:0]`);
    this.deletions.push(`-X ${name}`);
  }

  /**
   * Brings a bag from the known entries to the wanted ones by single lines, or whole if that is shorter. Returns the
   * entries changed, or undefined if the chain is written whole.
   */
  patch(name: string, known: KnownChain, chain: BagChain): EntryChange[] | undefined {
    const entries = known.entries;
    if (!entries || known.adopted || !sameList(known.tail, chain.tail)) {
      this.rewrite(name, chain);
      return undefined;
    }
    const deletions: string[] = [];
    const insertions: string[] = [];
    const changes: EntryChange[] = [];
    for (const key of chain.touched) {
      const now = entries.get(key);
      const wanted = chain.entries.get(key);
      if (now === wanted || (now && wanted && sameList(now, wanted))) continue;
      changes.push({ key, rules: wanted });
      for (const r of now ?? []) deletions.push(`-D ${name} ${r}`);
      // Inserted at the head one by one: in reverse, to end in the entry's order.
      for (const r of [...(wanted ?? [])].reverse()) insertions.push(`-I ${name} ${r}`);
    }
    // A deletion makes the tool read the chain and search it: of 10,000 rules 75 ms of CPU for one, 290 ms for 1,000;
    // all of them written anew are 900 ms.
    if ((deletions.length + insertions.length) * 2 > entries.size + 16) {
      this.rewrite(name, chain);
      return undefined;
    }
    this.lines.push(...deletions, ...insertions);
    return changes;
  }

  render(): string {
    // iptables-nft 1.8.9 keeps chains in a list sorted by name and searches it from its start at each insertion: in
    // descending order 30,000 chains take 6 s instead of 30 s. A few are better made in the order in which packets,
    // and the kernel's checks, go through them: neighbours then share memory pages.
    if (this.declarations.length > fewChains) this.declarations.sort().reverse();
    return `*${this.table}\n${[...this.declarations, ...this.lines, ...this.deletions].join('\n')}\nCOMMIT\n`;
  }
}

/** An entry of a bag and the rules it has now; undefined: none. */
export interface EntryChange {
  key: string;
  rules: readonly string[] | undefined;
}

export function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((x, i) => x === b[i]));
}
