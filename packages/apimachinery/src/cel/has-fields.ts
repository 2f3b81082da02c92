import type { Environment } from '@marcbachmann/cel-js';

/** What is read here of cel-js' syntax tree: the operator, its arguments and where it stands in the text. */
interface Node {
  op: string;
  args: unknown;
  start: number;
  end: number;
}

const isNode = (v: unknown): v is Node => typeof v === 'object' && v !== null && 'op' in v && 'start' in v;
const childrenOf = (n: Node): unknown[] => (Array.isArray(n.args) ? n.args.flat(2) : [n.args]);

/** cel-js takes `has(a.b.c)` of plain names only. */
function isPlain(node: Node): boolean {
  let n: unknown = node;
  while (isNode(n) && (n.op === '.' || n.op === '.?')) n = childrenOf(n)[0];
  return isNode(n) && n.op === 'id';
}

/** The call's argument `E.field`, where it is one that cel-js refuses. */
function refused(node: Node): { object: Node; name: string } | undefined {
  if (node.op !== 'call' || childrenOf(node)[0] !== 'has') return undefined;
  const argument = childrenOf(node)[1];
  if (!isNode(argument) || argument.op !== '.' || isPlain(argument)) return undefined;
  const [object, name] = childrenOf(argument);
  return isNode(object) && typeof name === 'string' ? { object, name } : undefined;
}

function rewrite(text: string, node: Node): string {
  const call = refused(node);
  if (call) return `hasField_(${rewrite(text, call.object)}, ${JSON.stringify(call.name)})`;
  let out = '';
  let at = node.start;
  const children = childrenOf(node)
    .filter(isNode)
    .sort((a, b) => a.start - b.start);
  for (const child of children) {
    if (child.start < at) continue;
    out += text.slice(at, child.start) + rewrite(text, child);
    at = child.end;
  }
  return out + text.slice(at, node.end);
}

/** Makes `has(list[0].field)` and the like, which CEL allows, into calls of a function that registerHasField adds. */
export function rewriteHas(env: Environment, expression: string): string {
  if (!/\bhas\s*\([^)]*[\])]\s*\.|\bhas\s*\(\s*\(/.test(expression)) return expression;
  const { ast } = env.parse(expression) as unknown as { ast: unknown };
  if (!isNode(ast)) return expression;
  return expression.slice(0, ast.start) + rewrite(expression, ast) + expression.slice(ast.end);
}

/** Adds the function that rewritten expressions call. */
export function registerHasField(env: Environment): void {
  env.registerFunction('hasField_(dyn, string): bool', (object: unknown, name: string) => {
    if (object instanceof Map) return object.has(name);
    if (typeof object !== 'object' || object === null) throw new Error(`no such key: ${name}`);
    return Object.hasOwn(object, name) && (object as Record<string, unknown>)[name] !== undefined;
  });
}
