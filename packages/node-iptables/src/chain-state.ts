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
    return kernel.every((r, i) => r === wanted[i] || key(r) === key(wanted[i] ?? ''));
  }
  const body = kernel.length - desired.tail.length;
  if (!desired.tail.every((r, i) => textKey(r) === textKey(kernel[body + i] ?? ''))) return false;
  const have = new Map<string, number>();
  for (const r of kernel.slice(0, body)) have.set(textKey(r), (have.get(textKey(r)) ?? 0) + 1);
  for (const r of wanted.slice(0, body)) {
    const n = have.get(textKey(r)) ?? 0;
    if (n === 0) return false;
    have.set(textKey(r), n - 1);
  }
  return true;
}
