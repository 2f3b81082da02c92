import { podTotals, type V1Container, type V1Node, type V1Pod } from '@kubelab/api';
import { Quantity } from '@kubelab/apimachinery';

/** Amounts by resource name: CPU in thousandths of a core, everything else in its unit. */
export type Amounts = Map<string, number>;

const amountsOf = new WeakMap<object, Amounts>();

/** What a pod asks for; computed once an object. */
export function requestsOf(pod: V1Pod): Amounts {
  let amounts = amountsOf.get(pod);
  if (!amounts) {
    amounts = new Map();
    for (const [name, quantity] of pod.spec ? podTotals(pod.spec, 'requests') : []) {
      amounts.set(name, toAmount(name, quantity));
    }
    amountsOf.set(pod, amounts);
  }
  return amounts;
}

/** What a node has for pods. */
export function allocatableOf(node: V1Node): Amounts {
  let amounts = amountsOf.get(node);
  if (!amounts) {
    amounts = new Map();
    for (const [name, text] of Object.entries(node.status?.allocatable ?? {})) {
      amounts.set(name, toAmount(name, Quantity.parse(text)));
    }
    amountsOf.set(node, amounts);
  }
  return amounts;
}

function toAmount(name: string, quantity: Quantity): number {
  return Number(name === 'cpu' ? quantity.milliValue() : quantity.value());
}

/** Pods that ask for nothing count as this much when nodes are scored, so that they spread (util.GetNonzeroRequests). */
const unspecified = { cpu: 100, memory: 200 * 1024 * 1024 };

/** What a pod counts as when nodes are scored. */
export function nonZeroRequestsOf(pod: V1Pod): { cpu: number; memory: number } {
  const count = (name: 'cpu' | 'memory', container: V1Container) => {
    const text = container.resources?.requests?.[name];
    return text === undefined ? unspecified[name] : toAmount(name, Quantity.parse(text));
  };
  const containers = pod.spec?.containers ?? [];
  return {
    cpu: containers.reduce((sum, container) => sum + count('cpu', container), 0),
    memory: containers.reduce((sum, container) => sum + count('memory', container), 0),
  };
}
