import { isQualifiedName, isValidLabelValue } from './name-validation.js';
import type { LabelSelector } from './types.js';

export type LabelOperator = '=' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  key: string;
  operator: LabelOperator;
  /** Sorted. */
  values: string[];
}

/** A parsed label selector: all requirements must hold. */
export interface Selector {
  matches(labels: Record<string, string> | undefined): boolean;
  /** Matches everything. */
  readonly empty: boolean;
  readonly requirements: LabelRequirement[];
  toString(): string;
}

function requirementMatches(r: LabelRequirement, labels: Record<string, string>): boolean {
  const has = Object.hasOwn(labels, r.key);
  const v = has ? labels[r.key] : undefined;
  switch (r.operator) {
    case '=':
    case 'in':
      return v !== undefined && r.values.includes(v);
    case '!=':
    case 'notin':
      return v === undefined || !r.values.includes(v);
    case 'exists':
      return has;
    case '!':
      return !has;
    case 'gt':
    case 'lt': {
      if (v === undefined || !/^[+-]?\d+$/.test(v)) return false;
      const a = BigInt(v);
      const b = BigInt(r.values[0] ?? '0');
      return r.operator === 'gt' ? a > b : a < b;
    }
  }
}

function requirementString(r: LabelRequirement): string {
  switch (r.operator) {
    case '=':
      return `${r.key}=${r.values[0] ?? ''}`;
    case '!=':
      return `${r.key}!=${r.values[0] ?? ''}`;
    case 'in':
    case 'notin':
      return `${r.key} ${r.operator} (${r.values.join(',')})`;
    case 'exists':
      return r.key;
    case '!':
      return `!${r.key}`;
    case 'gt':
      return `${r.key}>${r.values[0] ?? ''}`;
    case 'lt':
      return `${r.key}<${r.values[0] ?? ''}`;
  }
}

class Requirements implements Selector {
  readonly requirements: LabelRequirement[];
  constructor(requirements: LabelRequirement[]) {
    this.requirements = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  }
  get empty(): boolean {
    return this.requirements.length === 0;
  }
  matches(labels: Record<string, string> | undefined): boolean {
    return this.requirements.every((r) => requirementMatches(r, labels ?? {}));
  }
  toString(): string {
    return this.requirements.map(requirementString).join(',');
  }
}

class Nothing implements Selector {
  readonly empty = false;
  readonly requirements: LabelRequirement[] = [];
  matches(): boolean {
    return false;
  }
  toString(): string {
    return '';
  }
}

/** Matches every object. */
export const everything: Selector = new Requirements([]);
/** Matches no object. */
export const nothing: Selector = new Nothing();

/** A selector of requirements made by hand; they are not checked. */
export const newSelector = (requirements: LabelRequirement[]): Selector => new Requirements(requirements);

function checkRequirement(r: LabelRequirement): void {
  const key = isQualifiedName(r.key);
  if (key.length > 0) throw new Error(`key: Invalid value: ${JSON.stringify(r.key)}: ${key.join('; ')}`);
  if ((r.operator === 'in' || r.operator === 'notin') && r.values.length === 0) {
    throw new Error(`values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty`);
  }
  if (r.operator === 'gt' || r.operator === 'lt') {
    if (!/^[+-]?\d+$/.test(r.values[0] ?? '')) {
      throw new Error(
        `values[0]: Invalid value: ${JSON.stringify(r.values[0] ?? '')}: for 'Gt', 'Lt' operators, the value must be an integer`,
      );
    }
  }
  r.values.forEach((v, i) => {
    const problems = isValidLabelValue(v);
    if (problems.length > 0) {
      throw new Error(`values[${i}][${r.key}]: Invalid value: ${JSON.stringify(v)}: ${problems.join('; ')}`);
    }
  });
}

interface Token {
  text: string;
  kind: 'word' | '!' | '=' | '==' | '!=' | '(' | ')' | ',' | '<' | '>' | 'end';
}

function tokenize(text: string): Token[] {
  const out: Token[] = [];
  const pattern = /\s*(?:(==|!=|[!=(),<>])|([^\s!=(),<>]+))/y;
  let pos = 0;
  while (pos < text.length && text.slice(pos).trim() !== '') {
    pattern.lastIndex = pos;
    const m = pattern.exec(text);
    if (!m) break;
    if (m[1] !== undefined) out.push({ text: m[1], kind: m[1] as Token['kind'] });
    else out.push({ text: m[2] ?? '', kind: 'word' });
    pos = pattern.lastIndex;
  }
  out.push({ text: '', kind: 'end' });
  return out;
}

/**
 * Parses `a=b,c!=d,e in (f,g),!h,i,j>3`.
 * @throws Error `unable to parse requirement: ...` with Kubernetes' words.
 */
export function parseLabelSelector(text: string): Selector {
  if (text.trim() === '') return everything;
  const tokens = tokenize(text);
  let pos = 0;
  const next = () => tokens[pos++] ?? ({ text: '', kind: 'end' } as Token);
  const peek = () => tokens[pos] ?? ({ text: '', kind: 'end' } as Token);
  const fail = (why: string) => new Error(`unable to parse requirement: ${why}`);
  const out: LabelRequirement[] = [];

  const parseValues = (): string[] => {
    if (next().kind !== '(') throw fail(`found '${tokens[pos - 1]?.text}', expected: '('`);
    const values: string[] = [];
    let expectValue = true;
    for (;;) {
      const t = next();
      if (t.kind === ')') {
        if (expectValue) values.push('');
        return [...new Set(values)].sort();
      }
      if (t.kind === 'word') {
        if (!expectValue) throw fail(`found '${t.text}', expected: ',' or ')'`);
        values.push(t.text);
        expectValue = false;
      } else if (t.kind === ',') {
        if (expectValue) values.push('');
        expectValue = true;
      } else throw fail(`found '${t.text}', expected: ',', ')' or identifier`);
    }
  };

  for (;;) {
    let t = next();
    let negated = false;
    if (t.kind === '!') {
      negated = true;
      t = next();
    }
    if (t.kind !== 'word') throw fail(`found '${t.text}', expected: identifier`);
    const r: LabelRequirement = { key: t.text, operator: negated ? '!' : 'exists', values: [] };
    if (!negated && peek().kind !== ',' && peek().kind !== 'end') {
      const op = next();
      const isWord = op.kind === 'word';
      if (isWord && (op.text === 'in' || op.text === 'notin')) {
        r.operator = op.text;
        r.values = parseValues();
      } else if (op.kind === '=' || op.kind === '==' || op.kind === '!=' || op.kind === '<' || op.kind === '>') {
        r.operator = op.kind === '!=' ? '!=' : op.kind === '<' ? 'lt' : op.kind === '>' ? 'gt' : '=';
        if (peek().kind === 'word') r.values = [next().text];
        else if (peek().kind === ',' || peek().kind === 'end') r.values = [''];
        else throw fail(`found '${peek().text}', expected: identifier`);
      } else {
        throw fail(`found '${op.text}', expected: in, notin, =, ==, !=, gt, lt`);
      }
    }
    try {
      checkRequirement(r);
    } catch (err) {
      throw fail((err as Error).message);
    }
    out.push(r);
    const sep = next();
    if (sep.kind === 'end') break;
    if (sep.kind !== ',') throw fail(`found '${sep.text}', expected: ',' or 'end of string'`);
    if (peek().kind !== 'word' && peek().kind !== '!')
      throw fail(`found '${peek().text}', expected: identifier after ','`);
  }
  return new Requirements(out);
}

const operators: Record<string, LabelOperator> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

/**
 * The selector of a metav1.LabelSelector. Absent selects nothing, empty selects everything.
 * @throws Error `"X" is not a valid label selector operator`, or about a bad key or value.
 */
export function labelSelectorAsSelector(ls: LabelSelector | null | undefined): Selector {
  if (ls === null || ls === undefined) return nothing;
  const out: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(ls.matchLabels ?? {})) out.push({ key, operator: '=', values: [value] });
  for (const e of ls.matchExpressions ?? []) {
    const operator = operators[e.operator];
    if (!operator) throw new Error(`${JSON.stringify(e.operator)} is not a valid label selector operator`);
    out.push({ key: e.key, operator, values: [...(e.values ?? [])].sort() });
  }
  out.forEach(checkRequirement);
  return out.length === 0 ? everything : new Requirements(out);
}

/** The selector that an equality map makes (Service.spec.selector). Values are not checked. */
export function selectorFromSet(set: Record<string, string> | undefined): Selector {
  const keys = Object.entries(set ?? {});
  if (keys.length === 0) return everything;
  return new Requirements(keys.map(([key, value]) => ({ key, operator: '=', values: [value] })));
}

/** Kubernetes' text of a LabelSelector: `a=b,c in (d,e)`; `<none>` when empty. */
export function formatLabelSelector(ls: LabelSelector | null | undefined): string {
  const text = labelSelectorAsSelector(ls).toString();
  return text === '' ? '<none>' : text;
}
