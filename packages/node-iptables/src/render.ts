import { quote } from './quote.js';
import type { Match, Option, Rule, Table, Target, Value } from './types.js';

const value = (flag: string, v: Value | undefined) =>
  v === undefined ? '' : ` ${v.not ? '! ' : ''}${flag} ${v.value}`;

function option(o: Option): string {
  let text = ` ${o.not ? '! ' : ''}--${o.name}`;
  for (const v of o.values) text += ` ${quote(v)}`;
  return text;
}

export function renderMatch(m: Match): string {
  let text = ` -m ${m.module}`;
  for (const o of m.options) text += option(o);
  return text;
}

export function renderTarget(t: Target): string {
  let text = ` ${t.goto ? '-g' : '-j'} ${t.name}`;
  for (const o of t.options) text += option(o);
  return text;
}

/** The rule's text as it stands after `-A CHAIN `, in the order in which iptables-save writes it. */
export function renderRule(r: Rule): string {
  let text =
    value('-s', r.source) +
    value('-d', r.destination) +
    value('-i', r.inInterface) +
    value('-o', r.outInterface) +
    value('-p', r.protocol);
  for (const m of r.matches) text += renderMatch(m);
  if (r.target) text += renderTarget(r.target);
  return text.slice(1);
}

/** Renders whole tables as iptables-save does (with counters where rules have them): input for iptables-restore. */
export function renderTables(tables: Iterable<Table>): string {
  const lines: string[] = [];
  for (const t of tables) {
    lines.push(`*${t.name}`);
    for (const c of t.chains.values()) {
      lines.push(`:${c.name} ${c.policy ?? '-'} [${c.counters.packets}:${c.counters.bytes}]`);
    }
    for (const c of t.chains.values()) {
      for (const r of c.rules) {
        const counters = r.counters ? `[${r.counters.packets}:${r.counters.bytes}] ` : '';
        lines.push(`${counters}-A ${c.name} ${renderRule(r)}`.trimEnd());
      }
    }
    lines.push('COMMIT');
  }
  return lines.length ? `${lines.join('\n')}\n` : '';
}
