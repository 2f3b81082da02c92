import type { DesiredChain } from './chain-state.js';

/** What `splitBatches` needs of a table: its wanted chains and those that may have to be written. */
export interface PendingTable {
  desired: ReadonlyMap<string, DesiredChain>;
  dirty: ReadonlySet<string>;
}

/** Chains to be written by one call of iptables-restore, by table. */
export type Batch = Map<string, string[]>;

const jumpTarget = / -[jg] (\S+)/;

/**
 * Splits the chains that changed into batches of about `limit` chains: iptables-restore needs time and memory that
 * grow faster than its input. Ordered chains come first, each with the wanted chains it jumps to, so that no jump ever
 * leads nowhere; then bags, which make them reachable; then the chains to be deleted, which nothing reaches any more.
 * At most `limit` chains are one batch, and so one transaction a table.
 */
export function splitBatches(tables: ReadonlyMap<string, PendingTable>, limit: number): Batch[] {
  let total = 0;
  for (const t of tables.values()) total += t.dirty.size;
  if (total <= limit) return [new Map([...tables].map(([name, t]) => [name, [...t.dirty]]))];

  const batches: Batch[] = [];
  const link: Batch = new Map();
  const removals: Batch[] = [];
  for (const [name, t] of tables) {
    const ordered = new Set<string>();
    const bags: string[] = [];
    const gone: string[] = [];
    for (const chain of t.dirty) {
      const wanted = t.desired.get(chain);
      if (!wanted) gone.push(chain);
      else if (wanted.kind === 'bag') bags.push(chain);
      else ordered.add(chain);
    }
    let batch: string[] = [];
    for (const chain of ordered) {
      take(chain, ordered, t.desired, batch);
      if (batch.length < limit) continue;
      batches.push(new Map([[name, batch]]));
      batch = [];
    }
    if (batch.length > 0) batches.push(new Map([[name, batch]]));
    if (bags.length > 0) link.set(name, bags);
    for (let i = 0; i < gone.length; i += limit) removals.push(new Map([[name, gone.slice(i, i + limit)]]));
  }
  return [...batches, link, ...removals];
}

/** Moves a chain, and those it jumps to, from `left` into the batch. */
function take(first: string, left: Set<string>, desired: PendingTable['desired'], batch: string[]): void {
  const todo = [first];
  for (let chain = todo.pop(); chain !== undefined; chain = todo.pop()) {
    if (!left.delete(chain)) continue;
    batch.push(chain);
    const wanted = desired.get(chain);
    if (wanted?.kind !== 'ordered') continue;
    for (const rule of wanted.rules.toReversed()) {
      const to = jumpTarget.exec(` ${rule}`)?.[1];
      if (to !== undefined && left.has(to)) todo.push(to);
    }
  }
}
