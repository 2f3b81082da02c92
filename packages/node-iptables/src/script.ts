import { type DesiredChain, flatten, type KnownChain } from './chain-state.js';

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

  /** Brings a bag from what is known to what is wanted by single lines, or whole if that is shorter. */
  patch(name: string, known: KnownChain, chain: DesiredChain): void {
    if (chain.kind !== 'bag' || !known.entries || known.adopted || !sameList(known.tail, chain.tail)) {
      this.rewrite(name, chain);
      return;
    }
    const edits: string[] = [];
    for (const [key, rules] of known.entries) {
      const wanted = chain.entries.get(key);
      if (wanted === rules || (wanted && sameList(wanted, rules))) continue;
      for (const r of rules) edits.push(`-D ${name} ${r}`);
    }
    for (const [key, rules] of chain.entries) {
      const now = known.entries.get(key);
      if (now === rules || (now && sameList(now, rules))) continue;
      // Inserted at the head one by one: in reverse, to end in the entry's order.
      for (let i = rules.length - 1; i >= 0; i--) edits.push(`-I ${name} ${rules[i]}`);
    }
    // A deletion makes the tool read the chain, which is dearer than writing a line of it: about 1 to 4.
    if (edits.length * 4 > known.entries.size + 16) this.rewrite(name, chain);
    else this.lines.push(...edits);
  }

  render(): string {
    return `*${this.table}\n${[...this.declarations, ...this.lines, ...this.deletions].join('\n')}\nCOMMIT\n`;
  }
}

export function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((x, i) => x === b[i]));
}
