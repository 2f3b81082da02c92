import { ParseError } from './errors.js';
import { splitWords, type Word } from './quote.js';
import type { Chain, Counters, Option, Rule, Table, Value } from './types.js';

const ADDRESS_FLAGS: Record<string, 'source' | 'destination' | 'inInterface' | 'outInterface' | 'protocol'> = {
  '-s': 'source',
  '--source': 'source',
  '--src': 'source',
  '-d': 'destination',
  '--destination': 'destination',
  '--dst': 'destination',
  '-i': 'inInterface',
  '--in-interface': 'inInterface',
  '-o': 'outInterface',
  '--out-interface': 'outInterface',
  '-p': 'protocol',
  '--protocol': 'protocol',
};

const isFlag = (w: Word | undefined) => w !== undefined && !w.quoted && /^(-[a-zA-Z]|--[a-z]|!$)/.test(w.text);

/**
 * Parses a rule's text (what follows `-A CHAIN`). Options belong to the match or target before them; those of a
 * protocol without `-m` (`-p tcp --dport 80`) to the protocol's module. Throws Error naming what is wrong.
 */
export function parseRule(text: string): Rule {
  const words = splitWords(text);
  const rule: Rule = { matches: [] };
  let options: Option[] | undefined;
  let not = false;
  for (let i = 0; i < words.length; i++) {
    const w = words[i] as Word;
    const take = (): string => {
      const next = words[++i];
      if (next === undefined) throw new Error(`${w.text} needs a value: ${text}`);
      return next.text;
    };
    if (!w.quoted && w.text === '!') {
      not = true;
      continue;
    }
    const field = w.quoted ? undefined : ADDRESS_FLAGS[w.text];
    if (field) {
      const v: Value = { value: take() };
      if (not) v.not = true;
      rule[field] = v;
    } else if (w.text === '-m' || w.text === '--match') {
      options = [];
      rule.matches.push({ module: take(), options });
    } else if (w.text === '-j' || w.text === '-g' || w.text === '--jump' || w.text === '--goto') {
      options = [];
      rule.target = { name: take(), options };
      if (w.text === '-g' || w.text === '--goto') rule.target.goto = true;
    } else if (w.text.startsWith('--') && !w.quoted) {
      if (!options && rule.protocol) {
        options = [];
        rule.matches.push({ module: rule.protocol.value, options });
      }
      if (!options) throw new Error(`option ${w.text} belongs to no match or target: ${text}`);
      const o: Option = { name: w.text.slice(2), values: [] };
      if (not) o.not = true;
      while (i + 1 < words.length && !isFlag(words[i + 1])) o.values.push((words[++i] as Word).text);
      options.push(o);
    } else throw new Error(`unexpected ${JSON.stringify(w.text)}: ${text}`);
    not = false;
  }
  return rule;
}

const CHAIN = /^:(\S+) (\S+)(?: \[(\d+):(\d+)\])?$/;
const RULE = /^(?:\[(\d+):(\d+)\] )?-A (\S+)(?: (.*))?$/;

const counters = (packets?: string, bytes?: string): Counters => ({
  packets: Number(packets ?? 0),
  bytes: Number(bytes ?? 0),
});

/** Parses the output of `iptables-save` (with or without `-c`). Throws ParseError with the line. */
export function parseSave(text: string): Map<string, Table> {
  const tables = new Map<string, Table>();
  let table: Table | undefined;
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('*')) {
      table = { name: line.slice(1), chains: new Map() };
      tables.set(table.name, table);
      continue;
    }
    if (line === 'COMMIT') {
      table = undefined;
      continue;
    }
    if (!table) throw new ParseError(number, `outside of a table: ${line}`);
    const c = CHAIN.exec(line);
    if (c) {
      const chain: Chain = { name: c[1] as string, counters: counters(c[3], c[4]), rules: [] };
      if (c[2] !== '-') chain.policy = c[2] as string;
      table.chains.set(chain.name, chain);
      continue;
    }
    const r = RULE.exec(line);
    const chain = r && table.chains.get(r[3] as string);
    if (!chain) throw new ParseError(number, r ? `rule of an undeclared chain: ${line}` : `not a rule: ${line}`);
    try {
      const rule = parseRule(r[4] ?? '');
      if (r[1] !== undefined) rule.counters = counters(r[1], r[2]);
      chain.rules.push(rule);
    } catch (e) {
      throw new ParseError(number, (e as Error).message);
    }
  }
  return tables;
}
