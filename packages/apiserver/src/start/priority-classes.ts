import { isAlreadyExists } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../object-access.js';

const priorityClasses = { group: 'scheduling.k8s.io', resource: 'priorityclasses' };

/** The two classes that only system pods use, with Kubernetes' values (scheduling.SystemPriorityClasses). */
const systemClasses = [
  {
    name: 'system-node-critical',
    value: 2000001000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    name: 'system-cluster-critical',
    value: 2000000000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
];

export async function ensureSystemPriorityClasses(objects: ObjectAccess): Promise<void> {
  for (const { name, value, description } of systemClasses) {
    if (await objects.get(priorityClasses, '', name)) {
      continue;
    }
    try {
      await objects.create(priorityClasses, {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name },
        value,
        description,
        globalDefault: false,
        preemptionPolicy: 'PreemptLowerPriority',
      });
    } catch (error) {
      if (!isAlreadyExists(error)) {
        throw error;
      }
    }
  }
}
