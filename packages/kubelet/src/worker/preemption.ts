import { Quantity } from '@kubelab/apimachinery';
import { qosClass } from '../pod/qos.js';
import { podResources } from '../pod/resources.js';
import { isStaticPod, type Pod } from '../pod/types.js';

const systemCritical = 2_000_000_000;

/** Static pods and those of the system's priority classes: the node itself does not work without them. */
export function isCritical(pod: Pod): boolean {
  return isStaticPod(pod) || (pod.spec.priority ?? 0) >= systemCritical;
}

const classOrder = ['BestEffort', 'Burstable', 'Guaranteed'];
const classRank = (pod: Pod) => classOrder.indexOf(qosClass(pod));

/** How much a pod gives back of a resource when it goes; `pods` is counted. */
function gives(pod: Pod, name: string): Quantity {
  return name === 'pods' ? Quantity.parse('1') : (podResources(pod, 'requests').get(name) ?? Quantity.zero);
}

function covers(pods: Pod[], shortages: Map<string, Quantity>): boolean {
  return [...shortages].every(([name, missing]) => {
    let sum = Quantity.zero;
    for (const pod of pods) sum = sum.add(gives(pod, name));
    return sum.cmp(missing) >= 0;
  });
}

/**
 * Which pods have to go so that a critical one finds what it lacks: the least protected first, and none without need.
 * Undefined when all of them together do not have enough.
 */
export function choosePreempted(pod: Pod, active: Pod[], shortages: Map<string, Quantity>): Pod[] | undefined {
  const candidates = active
    .filter((other) => !isCritical(other) || (other.spec.priority ?? 0) < (pod.spec.priority ?? 0))
    .filter((other) => [...shortages.keys()].some((name) => !gives(other, name).isZero()))
    .sort((a, b) => classRank(a) - classRank(b) || (a.spec.priority ?? 0) - (b.spec.priority ?? 0));
  if (!covers(candidates, shortages)) return undefined;
  // From the most protected on, whoever can stay does.
  let chosen = candidates;
  for (const candidate of [...candidates].reverse()) {
    const without = chosen.filter((other) => other !== candidate);
    if (covers(without, shortages)) chosen = without;
  }
  return chosen;
}
