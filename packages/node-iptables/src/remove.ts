import type { Iptables } from './command.js';
import { parseRule, parseSave } from './parse.js';
import { renderRule } from './render.js';

/**
 * Removes all chains that `isOurs` accepts, and every rule of other chains that jumps to one of them, table by
 * table, each in one transaction. Returns the number of chains removed. Everything else stays as it is.
 */
export async function removeChains(
  iptables: Iptables,
  isOurs: (table: string, chain: string) => boolean,
  tables: readonly string[] = ['mangle', 'nat', 'filter'],
): Promise<number> {
  let removed = 0;
  for (const table of tables) {
    const save = await iptables.save(table);
    const chains = parseSave(save).get(table)?.chains;
    const ours = [...(chains?.keys() ?? [])].filter((c) => isOurs(table, c));
    if (!chains || ours.length === 0) continue;
    const gone = new Set(ours);
    const unhook: string[] = [];
    for (const chain of chains.values()) {
      if (gone.has(chain.name)) continue;
      for (const r of chain.rules) {
        if (r.target && gone.has(r.target.name)) unhook.push(`-D ${chain.name} ${renderRule(r)}`);
      }
    }
    const lines = [...ours.map((c) => `:${c} - [0:0]`), ...unhook, ...ours.map((c) => `-X ${c}`)];
    await iptables.restore(`*${table}\n${lines.join('\n')}\nCOMMIT\n`);
    removed += ours.length;
  }
  return removed;
}

/** Deletes every rule of a built-in chain that `isOurs` accepts (hooks that jump to no chain of ours). */
export async function removeRules(
  iptables: Iptables,
  table: string,
  chain: string,
  isOurs: (rule: ReturnType<typeof parseRule>) => boolean,
): Promise<number> {
  const rules = ((await iptables.list(table, chain)) ?? []).filter((r) => isOurs(parseRule(r)));
  if (rules.length > 0)
    await iptables.restore(`*${table}\n${rules.map((r) => `-D ${chain} ${r}`).join('\n')}\nCOMMIT\n`);
  return rules.length;
}
