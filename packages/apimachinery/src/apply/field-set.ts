/*
 * Sets of paths, in the tree form of managedFields' fieldsV1 (structured-merge-diff). Keys are path elements as
 * fieldsV1 writes them: `f:name` a field, `k:{"name":"x"}` a list element by its keys, `v:"x"` a set's element,
 * `i:0` an index.
 */

interface Node {
  /** The path itself is in the set. */
  member: boolean;
  children: Map<string, Node> | undefined;
}

const emptyMap: ReadonlyMap<string, Node> = new Map();

export class FieldSet {
  private constructor(private readonly root: Map<string, Node>) {}

  static empty(): FieldSet {
    return new FieldSet(new Map());
  }

  /** Reads fieldsV1; what is no object is ignored. */
  static fromFieldsV1(fields: unknown): FieldSet {
    return new FieldSet(readChildren(fields).children ?? new Map());
  }

  static of(...paths: string[][]): FieldSet {
    const s = FieldSet.empty();
    for (const p of paths) s.insert(p);
    return s;
  }

  insert(path: readonly string[]): void {
    let at = this.root;
    for (let i = 0; i < path.length; i++) {
      const element = path[i] as string;
      let node = at.get(element);
      if (!node) {
        node = { member: false, children: undefined };
        at.set(element, node);
      }
      if (i === path.length - 1) {
        node.member = true;
      } else {
        node.children ??= new Map();
        at = node.children;
      }
    }
  }

  get isEmpty(): boolean {
    return noMembers(this.root);
  }

  // Sets are not changed any more once they are combined, so a result may be one of the operands.
  union(o: FieldSet): FieldSet {
    if (this.root.size === 0) return o;
    return o.root.size === 0 ? this : new FieldSet(union(this.root, o.root));
  }
  /** What is in this set and not in the other. */
  difference(o: FieldSet): FieldSet {
    return this.root.size === 0 || o.root.size === 0 ? this : new FieldSet(difference(this.root, o.root));
  }
  intersection(o: FieldSet): FieldSet {
    if (this.root.size === 0) return this;
    return o.root.size === 0 ? o : new FieldSet(intersection(this.root, o.root));
  }
  /** Removes the paths of the other set and everything below them. */
  recursiveDifference(o: FieldSet): FieldSet {
    return this.root.size === 0 || o.root.size === 0 ? this : new FieldSet(recursiveDifference(this.root, o.root));
  }
  equals(o: FieldSet): boolean {
    return this.difference(o).isEmpty && o.difference(this).isEmpty;
  }

  /** One level down: whether the element itself is in the set, and the set below it. */
  descend(element: string): { member: boolean; below: FieldSet | undefined } {
    const node = this.root.get(element);
    if (!node) return { member: false, below: undefined };
    return { member: node.member, below: node.children ? new FieldSet(node.children) : undefined };
  }

  /** Every path in the set, in order. */
  *paths(prefix: string[] = []): Generator<string[]> {
    for (const key of [...this.root.keys()].sort()) {
      const node = this.root.get(key) as Node;
      const path = [...prefix, key];
      if (node.member) yield path;
      if (node.children) yield* new FieldSet(node.children).paths(path);
    }
  }

  toFieldsV1(): Record<string, unknown> {
    return writeChildren(this.root, false);
  }
}

function readChildren(fields: unknown): Node {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    return { member: true, children: undefined };
  const keys = Object.keys(fields);
  const node: Node = { member: keys.length === 0, children: undefined };
  for (const k of keys) {
    if (k === '.') node.member = true;
    else {
      node.children ??= new Map();
      node.children.set(k, readChildren((fields as Record<string, unknown>)[k]));
    }
  }
  return node;
}

function writeChildren(children: ReadonlyMap<string, Node>, member: boolean): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const used: string[] = [];
  for (const [key, node] of children) {
    if (node.member || (node.children && !noMembers(node.children))) used.push(key);
  }
  if (member && used.length > 0) out['.'] = {};
  for (const key of used.sort()) {
    const node = children.get(key) as Node;
    out[key] = writeChildren(node.children ?? emptyMap, node.member);
  }
  return out;
}

function noMembers(children: ReadonlyMap<string, Node>): boolean {
  for (const n of children.values()) if (n.member || (n.children && !noMembers(n.children))) return false;
  return true;
}

function union(a: ReadonlyMap<string, Node>, b: ReadonlyMap<string, Node>): Map<string, Node> {
  const out = new Map(a);
  for (const [key, y] of b) {
    const x = a.get(key);
    if (!x) out.set(key, y);
    else {
      const children = x.children || y.children ? union(x.children ?? emptyMap, y.children ?? emptyMap) : undefined;
      out.set(key, { member: x.member || y.member, children });
    }
  }
  return out;
}

function combine(a: ReadonlyMap<string, Node>, make: (key: string, x: Node) => Node | undefined): Map<string, Node> {
  const out = new Map<string, Node>();
  for (const [key, x] of a) {
    const node = make(key, x);
    if (!node) continue;
    if (node.children?.size === 0) node.children = undefined;
    if (node.member || node.children) out.set(key, node);
  }
  return out;
}

function difference(a: ReadonlyMap<string, Node>, b: ReadonlyMap<string, Node>): Map<string, Node> {
  return combine(a, (key, x) => {
    const y = b.get(key);
    if (!y) return x;
    return {
      member: x.member && !y.member,
      children: x.children && (y.children ? difference(x.children, y.children) : x.children),
    };
  });
}

function recursiveDifference(a: ReadonlyMap<string, Node>, b: ReadonlyMap<string, Node>): Map<string, Node> {
  return combine(a, (key, x) => {
    const y = b.get(key);
    if (!y) return x;
    if (y.member) return undefined;
    return { member: x.member, children: x.children && recursiveDifference(x.children, y.children ?? emptyMap) };
  });
}

function intersection(a: ReadonlyMap<string, Node>, b: ReadonlyMap<string, Node>): Map<string, Node> {
  return combine(a, (key, x) => {
    const y = b.get(key);
    if (!y) return undefined;
    return {
      member: x.member && y.member,
      children: x.children && y.children ? intersection(x.children, y.children) : undefined,
    };
  });
}

/** A path as conflict messages print it: `.spec.containers[name="nginx"].image`. */
export function formatPath(path: readonly string[]): string {
  return path
    .map((element) => {
      const value = element.slice(2);
      switch (element.slice(0, 2)) {
        case 'f:':
          return `.${value}`;
        case 'k:': {
          const keys = JSON.parse(value) as Record<string, unknown>;
          return `[${Object.entries(keys)
            .map(([k, v]) => `${k}=${JSON.stringify(v)}`)
            .join(',')}]`;
        }
        case 'v:':
          return `[=${value}]`;
        default:
          return `[${value}]`;
      }
    })
    .join('');
}
