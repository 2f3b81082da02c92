import { parseRule } from './parse.js';
import { renderMatch, renderTarget } from './render.js';
import type { Match, Option, Rule, Target, Value } from './types.js';

/** A host's prefix length is written or not, depending on the tool; networks keep theirs. */
function address(v: Value | undefined): string {
  if (!v) return '';
  const plain = v.value.toLowerCase().replace(v.value.includes(':') ? /\/128$/ : /\/32$/, '');
  // `-s 0.0.0.0/0` is the same as no match at all and is not shown.
  if (!v.not && (plain === '0.0.0.0/0' || plain === '::/0')) return '';
  return (v.not ? '!' : '') + plain;
}

const plain = (v: Value | undefined) => (v ? (v.not ? '!' : '') + v.value : '');

const find = (options: Option[], name: string) => options.find((o) => o.name === name)?.values[0];

function hex(v: string): string {
  return `0x${Number(v).toString(16)}`;
}

/** Values the kernel rounds, and defaults that only iptables-save writes out. */
function canonicalMatch(m: Match): Match {
  switch (m.module) {
    case 'statistic': {
      // Probabilities are kept as a 31-bit integer and printed from it.
      const options = m.options.map((o) =>
        o.name === 'probability' ? { ...o, values: [String(Math.round(Number(o.values[0]) * 0x80000000))] } : o,
      );
      return { ...m, options };
    }
    case 'recent':
      return { ...m, options: sorted(m.options.filter((o) => o.name !== 'mask' && o.name !== 'rsource')) };
    case 'mark': {
      const options = m.options.map((o) => ({ ...o, values: [(o.values[0] ?? '').split('/').map(hex).join('/')] }));
      return { ...m, options };
    }
    case 'conntrack': {
      const options = m.options.map((o) => ({ ...o, values: [(o.values[0] ?? '').split(',').sort().join(',')] }));
      return { ...m, options: sorted(options) };
    }
    default:
      return { ...m, options: sorted(m.options) };
  }
}

const sorted = (options: Option[]) => [...options].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

function canonicalTarget(t: Target): Target {
  if (t.name === 'REJECT' && t.options.length > 0) {
    const how = find(t.options, 'reject-with') ?? '';
    return /^icmp6?-port-unreachable$/.test(how) ? { ...t, options: [] } : t;
  }
  if (t.name === 'MARK') {
    // All ways to set a mark are set-xmark: new = (old & ~mask) ^ value.
    const [value = '0', mask = '0xffffffff'] = (find(t.options, 'set-xmark') ?? '').split('/');
    const or = find(t.options, 'or-mark');
    const xor = find(t.options, 'xor-mark');
    const and = find(t.options, 'and-mark');
    const set = find(t.options, 'set-mark')?.split('/');
    const x = (v: string, m: string): Target => ({
      ...t,
      options: [{ name: 'set-xmark', values: [`${hex(v)}/${hex(m)}`] }],
    });
    if (or !== undefined) return x(or, or);
    if (xor !== undefined) return x(xor, '0');
    if (and !== undefined) return x('0', String(~Number(and) >>> 0));
    if (set) return x(set[0] ?? '0', String((Number(set[1] ?? 0xffffffff) | Number(set[0])) >>> 0));
    return x(value, mask);
  }
  return { ...t, options: sorted(t.options) };
}

/** Modules loaded without options of their own change nothing: `-p tcp -m tcp`. */
const isIdle = (m: Match) => m.options.length === 0 && ['tcp', 'udp', 'sctp', 'icmp'].includes(m.module);

/**
 * A key that is equal for two rules exactly if they mean the same, however they were written: the order of matches,
 * host prefix lengths, mark spellings, rounded probabilities and default options do not count.
 */
export function ruleKey(rule: Rule): string {
  const matches = rule.matches
    .filter((m) => !isIdle(m))
    .map((m) => renderMatch(canonicalMatch(m)))
    .sort();
  return [
    address(rule.source),
    address(rule.destination),
    plain(rule.inInterface),
    plain(rule.outInterface),
    plain(rule.protocol),
    ...matches,
    rule.target ? renderTarget(canonicalTarget(rule.target)) : '',
  ].join('|');
}

/** `textKey` without comments: equal for two rules that do the same to every packet. */
export function bareKey(text: string): string {
  try {
    const rule = parseRule(text);
    return ruleKey({ ...rule, matches: rule.matches.filter((m) => m.module !== 'comment') });
  } catch {
    return text;
  }
}

/** `ruleKey` of a rule's text. Text that can't be parsed is its own key: it equals nothing but itself. */
export function textKey(text: string): string {
  try {
    return ruleKey(parseRule(text));
  } catch {
    return text;
  }
}
