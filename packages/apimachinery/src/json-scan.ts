/*
 * What JSON.parse does not tell: members that occur twice, and how deep a text is nested.
 */

/** Deeper texts are refused, as Go's decoder does at 10,000; here every later walk is recursive. */
export const maxJsonDepth = 1000;

/** Whether a JSON text is nested deeper than a limit. One pass, before anything recursive sees it. */
export function exceedsJsonDepth(text: string, limit = maxJsonDepth): boolean {
  // Most texts are too short to be that deep.
  if (text.length <= limit) return false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) i = endOfString(text, i);
    else if (c === 0x7b || c === 0x5b) {
      depth += 1;
      if (depth > limit) return true;
    } else if (c === 0x7d || c === 0x5d) depth -= 1;
  }
  return false;
}

/** The index of the quote that ends a string beginning at i. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; ; ) {
    const end = text.indexOf('"', i);
    if (end < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return end;
    i = end + 1;
  }
}

interface Frame {
  isArray: boolean;
  /** Members seen in an object. */
  seen: Set<string>;
  path: string;
  index: number;
  /** The member whose value comes. */
  key: string;
}

interface Member {
  path: string;
  duplicate: boolean;
}

function* members(text: string): Generator<Member> {
  const stack: Frame[] = [];
  let expectKey = false;
  const childPath = (): string => {
    const top = stack.at(-1);
    if (!top) return '';
    if (top.isArray) return `${top.path}[${top.index}]`;
    return top.path === '' ? top.key : `${top.path}.${top.key}`;
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    const top = stack.at(-1);
    if (c === '"') {
      const end = endOfString(text, i);
      if (expectKey && top && !top.isArray) {
        const raw = text.slice(i, end + 1);
        top.key = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
        const duplicate = top.seen.has(top.key);
        top.seen.add(top.key);
        yield { path: childPath(), duplicate };
        expectKey = false;
      }
      i = end;
    } else if (c === '{' || c === '[') {
      stack.push({ isArray: c === '[', seen: new Set(), path: childPath(), index: 0, key: '' });
      expectKey = c === '{';
    } else if (c === '}' || c === ']') {
      stack.pop();
      expectKey = false;
    } else if (c === ',' && top) {
      if (top.isArray) top.index += 1;
      else expectKey = true;
    }
  }
}

/** Paths of the members that occur more than once in the same object of a valid JSON text. */
export function duplicateFields(text: string): string[] {
  const out = new Set<string>();
  for (const m of members(text)) if (m.duplicate) out.add(m.path);
  return [...out];
}

/**
 * The errors of strict decoding in the order of the text, as Kubernetes reports them.
 * @param unknown what decoding found: `unknown field "spec.x"`
 */
export function strictErrors(text: string, unknown: string[]): string[] {
  const duplicates = new Set(duplicateFields(text));
  if (duplicates.size === 0) return unknown;
  const left = new Set(unknown);
  const out: string[] = [];
  for (const m of members(text)) {
    const message = `unknown field ${JSON.stringify(m.path)}`;
    if (left.delete(message)) out.push(message);
    if (m.duplicate && duplicates.delete(m.path)) out.push(`duplicate field ${JSON.stringify(m.path)}`);
  }
  return [...out, ...left];
}
