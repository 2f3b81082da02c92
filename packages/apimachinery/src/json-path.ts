/*
 * The part of JSONPath that printer columns, scale paths and selectable fields use: members, quoted members, indices,
 * wildcards, filters on one comparison.
 */

type Step = (values: unknown[]) => unknown[];

const isMap = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

const member =
  (name: string): Step =>
  (values) =>
    values.flatMap((v) => (isMap(v) && Object.hasOwn(v, name) ? [v[name]] : []));

const all: Step = (values) => values.flatMap((v) => (Array.isArray(v) ? v : isMap(v) ? Object.values(v) : []));

const index =
  (i: number): Step =>
  (values) =>
    values.flatMap((v) => (Array.isArray(v) && v.at(i) !== undefined ? [v.at(i)] : []));

function literal(text: string): unknown {
  if (/^(['"]).*\1$/s.test(text)) return text.slice(1, -1);
  if (text === 'true' || text === 'false') return text === 'true';
  const n = Number(text);
  return text !== '' && !Number.isNaN(n) ? n : text;
}

const comparisons: Record<string, (a: unknown, b: unknown) => boolean> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => (a as number) < (b as number),
  '>': (a, b) => (a as number) > (b as number),
  '<=': (a, b) => (a as number) <= (b as number),
  '>=': (a, b) => (a as number) >= (b as number),
};

function filter(expression: string): Step {
  const m = /^\s*@([^=!<>]*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?))?\s*$/s.exec(expression);
  if (!m) throw new Error(`unrecognized filter: ${expression}`);
  const path = compileJsonPath(m[1] ?? '');
  const compare = m[2] ? comparisons[m[2]] : undefined;
  const wanted = literal(m[3] ?? '');
  return (values) =>
    values.flatMap((v) =>
      (Array.isArray(v) ? v : [v]).filter((item) => {
        const found = path(item);
        return compare ? found.some((f) => compare(f, wanted)) : found.length > 0;
      }),
    );
}

/** The end of a bracket that begins at i, quotes and nested brackets minded. */
function closing(text: string, start: number): number {
  let depth = 0;
  let quote = '';
  for (let i = start; i < text.length; i++) {
    const c = text[i] as string;
    if (quote !== '') {
      if (c === quote) quote = '';
    } else if (c === '"' || c === "'") quote = c;
    else if (c === '[' || c === '(') depth += 1;
    else if (c === ']' || c === ')') {
      depth -= 1;
      if (depth === 0) return i;
    }
  }
  throw new Error('unterminated array');
}

function bracket(content: string): Step {
  if (content === '*') return all;
  if (/^-?\d+$/.test(content)) return index(Number(content));
  if (content.startsWith('?')) return filter(content.slice(1).replace(/^\(|\)$/g, ''));
  if (/^(['"]).*\1$/s.test(content)) return member(content.slice(1, -1));
  const slice = /^(-?\d+)?:(-?\d+)?$/.exec(content);
  if (slice) {
    const [from, to] = [slice[1], slice[2]].map((n) => (n === undefined ? undefined : Number(n)));
    return (values) => values.flatMap((v) => (Array.isArray(v) ? v.slice(from, to) : []));
  }
  throw new Error(`invalid array index ${content}`);
}

/**
 * Compiles a path (`.status.conditions[?(@.type=="Ready")].status`, with or without braces).
 * @returns a function that finds the values at the path, [] when there are none
 * @throws Error when it does not parse
 */
export function compileJsonPath(path: string): (obj: unknown) => unknown[] {
  let text = path.trim();
  if (text.startsWith('{') && text.endsWith('}')) text = text.slice(1, -1);
  if (text.startsWith('$')) text = text.slice(1);
  const steps: Step[] = [];
  for (let i = 0; i < text.length; ) {
    if (text[i] === '[') {
      const end = closing(text, i);
      steps.push(bracket(text.slice(i + 1, end).trim()));
      i = end + 1;
    } else if (text[i] === '.') {
      const m = /\.((?:\\.|[^.[\]\\])*)/y;
      m.lastIndex = i;
      const found = m.exec(text);
      const name = (found?.[1] ?? '').replace(/\\(.)/g, '$1');
      if (name === '*') steps.push(all);
      else if (name !== '') steps.push(member(name));
      i += Math.max(1, found?.[0].length ?? 1);
    } else throw new Error(`unexpected character ${JSON.stringify(text[i])} in path ${JSON.stringify(path)}`);
  }
  return (obj) => steps.reduce((values, step) => step(values), [obj] as unknown[]);
}
