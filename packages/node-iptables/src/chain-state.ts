import { bareKey, textKey } from './canonical.js';

/** A chain whose rules stand in a given order; written whole whenever one of them changes. */
export interface OrderedChain {
  kind: 'ordered';
  rules: readonly string[];
}

/**
 * A chain of independent entries (each a key with its rules) in no particular order, and a tail that stays last:
 * KUBE-SERVICES. One entry's change costs one insertion at the head or one deletion, however long the chain is.
 */
export interface BagChain {
  kind: 'bag';
  entries: Map<string, readonly string[]>;
  tail: readonly string[];
  /** Keys set since the chain was last planned: only these are compared, however many entries there are. */
  touched: Set<string>;
}

export type DesiredChain = OrderedChain | BagChain;

/** What is known to stand in the kernel. `adopted` rules were read from it, so their text may differ from ours. */
export interface KnownChain {
  rules: string[] | undefined;
  /** Entries in the kernel, for bags that this process wrote. */
  entries: Map<string, readonly string[]> | undefined;
  tail: readonly string[];
  adopted: boolean;
  /** Of adopted rules: comments do not count when they are compared with wanted ones. */
  ignoreComments?: boolean;
}

export function flatten(chain: DesiredChain): readonly string[] {
  return chain.kind === 'ordered' ? chain.rules : [...[...chain.entries.values()].flat(), ...chain.tail];
}

/**
 * True if kernel text means the same as the desired chain; the order of a bag's entries does not count. The comments
 * of a bag always do: its rules are deleted one by one, and a rule is found by its comment too.
 */
export function sameRules(
  kernel: readonly string[],
  desired: DesiredChain,
  o: { ignoreComments?: boolean } = {},
): boolean {
  const wanted = flatten(desired);
  if (kernel.length !== wanted.length) return false;
  if (desired.kind === 'ordered') {
    const key = o.ignoreComments ? bareKey : textKey;
    return kernel.every((r, i) => brief(r) === brief(wanted[i] ?? '') || key(r) === key(wanted[i] ?? ''));
  }
  const body = kernel.length - desired.tail.length;
  if (!desired.tail.every((r, i) => textKey(r) === textKey(kernel[body + i] ?? ''))) return false;
  const [left, missing] = difference(kernel.slice(0, body), wanted.slice(0, body), brief);
  return difference(left, missing, textKey)[1].length === 0;
}

/** What most rules read from the kernel differ by from ours; the rest is for `textKey`, which is 20 times as dear. */
const brief = (rule: string) => rule.replaceAll('/32 ', ' ').replaceAll('/128 ', ' ');

/** Elements of `a` and of `b` that have no partner in the other with the same key. */
function difference(a: readonly string[], b: readonly string[], key: (text: string) => string): [string[], string[]] {
  const have = new Map<string, string[]>();
  for (const x of a) {
    const k = key(x);
    const list = have.get(k);
    if (list) list.push(x);
    else have.set(k, [x]);
  }
  const missing = b.filter((x) => have.get(key(x))?.pop() === undefined);
  return [[...have.values()].flat(), missing];
}
