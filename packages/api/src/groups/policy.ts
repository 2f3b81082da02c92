import { defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const policy = { group: 'policy', typesPackage: 'io.k8s.api.policy' };

/** policy: disruption budgets (evictions are a subresource of pods). */
export const policyResources: ResourceEntry[] = [
  defineResource(policy, {
    resource: 'poddisruptionbudgets',
    kind: 'PodDisruptionBudget',
    versions: ['v1'],
    shortNames: ['pdb'],
    subresources: { status: statusOf('PodDisruptionBudget') },
  }),
];
