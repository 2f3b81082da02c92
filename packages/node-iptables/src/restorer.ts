import { type Batch, splitBatches } from './batches.js';
import { textKey } from './canonical.js';
import { type BagChain, type DesiredChain, type KnownChain, sameRules } from './chain-state.js';
import type { Iptables } from './command.js';
import { IptablesError, RestoreError } from './errors.js';
import { parseKernelChains } from './kernel-chains.js';
import { sameList, TableScript } from './script.js';
import { type BuiltinChain, tableNames } from './types.js';

/** A rule of ours in a built-in chain, usually a jump into a chain of ours. */
export interface Hook {
  table: string;
  chain: BuiltinChain;
  rule: string;
  /** Where it goes when it is missing. An existing one stays where it is. Default `first`. */
  position?: 'first' | 'last';
}

export interface ApplyStats {
  /** Chains written, patched or deleted. */
  changedChains: number;
  /** Lines given to iptables-restore, 0 if nothing had to be done. */
  lines: number;
}

/** The difference that `verify` found between the kernel and what this process knows to have written. */
export interface Drift {
  table: string;
  chain: string;
  problem: 'missing' | 'differs' | 'unexpected';
}

export interface RestorerOptions {
  /**
   * More changed chains than this are written by several calls of iptables-restore, in an order in which no jump ever
   * leads nowhere, but not at one instant. Default: never split.
   */
  batchChains?: number;
}

export interface CompareOptions {
  /** Ordered chains that differ from the wanted ones only by comments are taken as they are. Default false. */
  ignoreComments?: boolean;
}

interface TableState {
  desired: Map<string, DesiredChain>;
  known: Map<string, KnownChain>;
  /** Chains whose desired state may differ from the known one. */
  dirty: Set<string>;
}

/**
 * Keeps a set of chains as desired, by atomic `iptables-restore --noflush` of only what changed. It knows what is in
 * the kernel, because it wrote or once read it (`adopt`), and does not ask. Chains of others are never touched:
 * built-in chains get single rules (hooks), and only chains named here are declared.
 *
 * Setters only note what is wanted; `apply` writes it. Calls of `apply`, `adopt` and `verify` are serialised.
 */
export class Restorer {
  private readonly tables = new Map<string, TableState>();
  private readonly hooks = new Map<string, { hook: Hook; wanted: boolean; settled: boolean }>();
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly iptables: Iptables,
    private readonly o: RestorerOptions = {},
  ) {}

  get family() {
    return this.iptables.family;
  }

  /** Wants an ordered chain with exactly these rules (text after `-A CHAIN `). */
  setChain(table: string, chain: string, rules: readonly string[]): void {
    const t = this.table(table);
    const now = t.desired.get(chain);
    if (now?.kind === 'ordered' && sameList(now.rules, rules)) return;
    t.desired.set(chain, { kind: 'ordered', rules });
    t.dirty.add(chain);
  }

  /** Wants a bag; its entries are set by `setEntry`, its last rules are `tail`. */
  setBag(table: string, chain: string, tail: readonly string[] = []): void {
    const t = this.table(table);
    const now = t.desired.get(chain);
    if (now?.kind === 'bag') {
      if (sameList(now.tail, tail)) return;
      now.tail = tail;
    } else t.desired.set(chain, { kind: 'bag', entries: new Map(), tail, touched: new Set() });
    t.dirty.add(chain);
  }

  /** Wants these rules for an entry of a bag; none at all removes it. */
  setEntry(table: string, chain: string, key: string, rules: readonly string[]): void {
    const t = this.table(table);
    const bag = t.desired.get(chain);
    if (bag?.kind !== 'bag') throw new Error(`chain ${chain} of table ${table} is not a bag`);
    const now = bag.entries.get(key);
    if (now ? sameList(now, rules) : rules.length === 0) return;
    if (rules.length > 0) bag.entries.set(key, rules);
    else bag.entries.delete(key);
    bag.touched.add(key);
    t.dirty.add(chain);
  }

  /** Wants the chain gone. Rules that jump to it must be gone by the same `apply`. */
  removeChain(table: string, chain: string): void {
    const t = this.table(table);
    if (t.desired.delete(chain) || t.known.has(chain)) t.dirty.add(chain);
  }

  setHook(hook: Hook): void {
    const key = hookKey(hook);
    if (!this.hooks.get(key)?.wanted) this.hooks.set(key, { hook, wanted: true, settled: false });
  }

  removeHook(hook: Hook): void {
    this.hooks.set(hookKey(hook), { hook, wanted: false, settled: false });
  }

  /** Names of the chains wanted in a table. */
  chains(table: string): string[] {
    return [...this.table(table).desired.keys()];
  }

  get isPending(): boolean {
    return [...this.tables.values()].some((t) => t.dirty.size > 0) || [...this.hooks.values()].some((h) => !h.settled);
  }

  /** Nothing about the kernel is known any more (a foreign flush): the next `apply` writes everything. */
  forget(): void {
    for (const t of this.tables.values()) {
      t.known.clear();
      for (const name of t.desired.keys()) t.dirty.add(name);
    }
    for (const h of this.hooks.values()) h.settled = false;
  }

  /**
   * Reads the kernel's chains whose names `isOurs` accepts and takes them as known, so that `apply` writes only the
   * difference and deletes those not wanted: a restart without rewriting. `isOurs` must not accept others' chains.
   */
  adopt(
    isOurs: (table: string, chain: string) => boolean,
    tables: readonly string[],
    o: CompareOptions = {},
  ): Promise<void> {
    return this.serial(async () => {
      for (const name of tables) {
        const t = this.table(name);
        t.known.clear();
        for (const [chain, rules] of await parseKernelChains(await this.iptables.save(name))) {
          if (!isOurs(name, chain)) continue;
          t.known.set(chain, { rules, entries: undefined, tail: [], adopted: true, ...o });
          t.dirty.add(chain);
        }
        for (const chain of t.desired.keys()) t.dirty.add(chain);
      }
      for (const h of this.hooks.values()) h.settled = false;
    });
  }

  /**
   * Writes what changed. Throws RestoreError naming the refused line; what is in the kernel of the chains concerned
   * is then taken as unknown and they are written whole next time.
   */
  apply(): Promise<ApplyStats> {
    return this.serial(async () => {
      const stats: ApplyStats = { changedChains: 0, lines: 0 };
      const batches = splitBatches(this.tables, this.o.batchChains ?? Number.POSITIVE_INFINITY);
      // Hooks make everything else reachable: last, or with everything else.
      for (const [i, batch] of batches.entries()) await this.write(batch, i === batches.length - 1, stats);
      return stats;
    });
  }

  private async write(batch: Batch, withHooks: boolean, stats: ApplyStats): Promise<void> {
    const scripts = new Map<string, TableScript>();
    const script = (table: string) => {
      let s = scripts.get(table);
      if (!s) {
        s = new TableScript(table);
        scripts.set(table, s);
      }
      return s;
    };
    const written: (() => void)[] = [];
    const attempted: (() => void)[] = [];
    let changedChains = 0;
    for (const [name, dirty] of batch) {
      const t = this.table(name);
      for (const chain of dirty) t.dirty.delete(chain);
      attempted.push(() => {
        for (const c of dirty) {
          t.dirty.add(c);
          // One table may have been written, the other not: each chain may exist, with content nobody knows.
          t.known.set(c, { rules: undefined, entries: undefined, tail: [], adopted: true });
        }
      });
      for (const chain of dirty) {
        const commit = this.plan(t, chain, () => script(name));
        if (!commit) continue;
        if (commit.changed) changedChains++;
        written.push(commit.done);
      }
    }
    try {
      if (withHooks) for (const h of await this.planHooks(script)) written.push(h);
      const text = [...scripts.values()].filter((s) => !s.isEmpty).map((s) => s.render());
      const lines = [...scripts.values()].reduce((n, s) => n + s.lineCount, 0);
      if (lines > 0) await this.restore(text.join(''));
      for (const done of written) done();
      stats.changedChains += changedChains;
      stats.lines += lines;
    } catch (e) {
      for (const undo of attempted) undo();
      throw e;
    }
  }

  /**
   * Compares the kernel with what was written: dear (iptables-save), so for the background and seldom. Chains that
   * differ are written again by the next `apply`.
   */
  verify(isOurs: (table: string, chain: string) => boolean, o: CompareOptions = {}): Promise<Drift[]> {
    return this.serial(async () => {
      const drift: Drift[] = [];
      for (const [name, t] of this.tables) {
        const kernel = await parseKernelChains(await this.iptables.save(name));
        for (const [chain, known] of t.known) {
          const desired = t.desired.get(chain);
          if (t.dirty.has(chain) || !desired) continue;
          const rules = kernel.get(chain);
          if (rules && sameRules(rules, desired, o)) continue;
          drift.push({ table: name, chain, problem: rules ? 'differs' : 'missing' });
          known.rules = undefined;
          known.entries = undefined;
          known.adopted = true;
          t.dirty.add(chain);
        }
        for (const [chain, rules] of kernel) {
          if (t.known.has(chain) || t.desired.has(chain) || !isOurs(name, chain)) continue;
          drift.push({ table: name, chain, problem: 'unexpected' });
          t.known.set(chain, { rules, entries: undefined, tail: [], adopted: true });
          t.dirty.add(chain);
        }
      }
      for (const h of this.hooks.values()) h.settled = false;
      return drift;
    });
  }

  /**
   * Whether what reaches all the rest is still in the kernel: each hook, and the last rule of each chain that a hook
   * leads to. For foreign flushes that leave chains (`iptables -F`), of a table or of one of these chains: one command,
   * which reads only the chains named. True while nothing of it was written yet.
   */
  isIntact(): Promise<boolean> {
    return this.serial(async () => {
      const checks = new Map<string, Set<string>>();
      const check = (table: string, chain: string, rule: string) => {
        const lines = checks.get(table) ?? new Set();
        checks.set(table, lines.add(`-C ${chain} ${rule}`));
      };
      for (const { hook, wanted, settled } of this.hooks.values()) {
        if (!wanted || !settled) continue;
        check(hook.table, hook.chain, hook.rule);
        const to = / -[jg] (\S+)$/.exec(` ${hook.rule}`)?.[1] ?? '';
        const last = this.lastRule(hook.table, to);
        if (last) check(hook.table, to, last);
      }
      if (checks.size === 0) return true;
      const text = [...checks].map(([table, lines]) => `*${table}\n${[...lines].join('\n')}\nCOMMIT\n`);
      try {
        await this.iptables.restore(text.join(''));
        return true;
      } catch (e) {
        // No such rule; no such chain or set. All else (the lock) tells nothing.
        if (e instanceof IptablesError && (e.exitCode === 1 || e.exitCode === 2)) return false;
        throw e;
      }
    });
  }

  /** The rule that is last in a chain in any case, as it stands in the kernel. */
  private lastRule(table: string, chain: string): string | undefined {
    const t = this.table(table);
    const known = t.known.get(chain);
    const desired = t.desired.get(chain);
    if (!known || !desired || t.dirty.has(chain)) return undefined;
    return desired.kind === 'bag' ? known.tail.at(-1) : known.rules?.at(-1);
  }

  private plan(
    t: TableState,
    chain: string,
    script: () => TableScript,
  ): { changed: boolean; done: () => void } | undefined {
    const desired = t.desired.get(chain);
    const known = t.known.get(chain);
    if (!desired) {
      if (!known) return undefined;
      script().remove(chain);
      return { changed: true, done: () => t.known.delete(chain) };
    }
    if (desired.kind === 'bag') return this.planBag(t, chain, known, desired, script);
    const rules = [...desired.rules];
    const done = () => t.known.set(chain, { rules, entries: undefined, tail: [], adopted: false });
    if (known?.rules && (known.adopted ? sameRules(known.rules, desired, known) : sameList(known.rules, rules))) {
      return { changed: false, done };
    }
    script().rewrite(chain, desired);
    return { changed: true, done };
  }

  private planBag(
    t: TableState,
    chain: string,
    known: KnownChain | undefined,
    bag: BagChain,
    script: () => TableScript,
  ): { changed: boolean; done: () => void } | undefined {
    const { tail } = bag;
    const isAsWanted = known?.adopted && known.rules && sameRules(known.rules, bag);
    const changes = known && !isAsWanted ? script().patch(chain, known, bag) : undefined;
    if (!known) script().rewrite(chain, bag);
    bag.touched.clear();
    if (changes && known) {
      const done = () => {
        for (const c of changes) {
          if (c.rules) known.entries?.set(c.key, c.rules);
          else known.entries?.delete(c.key);
        }
      };
      return { changed: changes.length > 0, done };
    }
    // A bag read from the kernel is known by its entries from now on: `-D` finds rules by meaning, not by text.
    const entries = new Map(bag.entries);
    const done = () => t.known.set(chain, { rules: undefined, entries, tail, adopted: false });
    return { changed: !isAsWanted, done };
  }

  /** Looks for unsettled hooks in their built-in chains, one listing a chain, and adds or deletes what is needed. */
  private async planHooks(script: (table: string) => TableScript): Promise<(() => void)[]> {
    const unsettled = [...this.hooks.entries()].filter(([, h]) => !h.settled);
    const listings = new Map<string, string[]>();
    const done: (() => void)[] = [];
    // Prepended hooks end in the order in which they were set, hence from the last to the first.
    for (const [key, h] of unsettled.reverse()) {
      const { table, chain, rule, position } = h.hook;
      const at = `${table} ${chain}`;
      let keys = listings.get(at);
      if (!keys) {
        keys = ((await this.iptables.list(table, chain)) ?? []).map(textKey);
        listings.set(at, keys);
      }
      const wantedKey = textKey(rule);
      const found = keys.filter((k) => k === wantedKey).length;
      if (h.wanted && found === 0) script(table).add(`${position === 'last' ? '-A' : '-I'} ${chain} ${rule}`);
      if (!h.wanted) for (let i = 0; i < found; i++) script(table).add(`-D ${chain} ${rule}`);
      done.push(() => {
        if (h.wanted) h.settled = true;
        else if (this.hooks.get(key) === h) this.hooks.delete(key);
      });
    }
    return done;
  }

  private async restore(text: string): Promise<void> {
    try {
      await this.iptables.restore(text);
    } catch (e) {
      if (e instanceof IptablesError) throw locate(e, text);
      throw e;
    }
  }

  private table(name: string): TableState {
    let t = this.tables.get(name);
    if (!t) {
      if (!(tableNames as readonly string[]).includes(name)) throw new Error(`no such table: ${name}`);
      t = { desired: new Map(), known: new Map(), dirty: new Set() };
      this.tables.set(name, t);
    }
    return t;
  }

  private serial<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.queue.then(task, task);
    // The next task must not fail for this one's error, which goes to its own caller.
    this.queue = mine.catch(() => undefined);
    return mine;
  }
}

const hookKey = (h: Hook) => `${h.table} ${h.chain} ${textKey(h.rule)}`;

/** Finds the refused line in the script by the number in the tool's message. */
function locate(e: IptablesError, text: string): RestoreError {
  const m = /line (\d+) failed|line: (\d+)|line (\d+):/.exec(e.stderr);
  let line = Number(m?.[1] ?? m?.[2] ?? m?.[3]) || undefined;
  const lines = text.split('\n');
  // The nft back end finds a missing chain only at the end: it names the chain, and COMMIT's line.
  const missing = /Chain '([^']+)' does not exist/.exec(e.stderr)?.[1];
  const user = missing ? lines.findIndex((l) => l.endsWith(` -j ${missing}`) || l.endsWith(` -g ${missing}`)) : -1;
  if (user >= 0) line = user + 1;
  if (line === undefined) return new RestoreError(e, {});
  const refused = lines[line - 1] ?? '';
  const table = lines
    .slice(0, line)
    .findLast((l) => l.startsWith('*'))
    ?.slice(1);
  const chain = /^(?:-[AIDX] |:)(\S+)/.exec(refused)?.[1];
  return new RestoreError(e, { line, text: refused, ...(table ? { table } : {}), ...(chain ? { chain } : {}) });
}
