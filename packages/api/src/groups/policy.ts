import { podDisruptionBudgetColumns } from '../columns/groups.js';
import { sameShape } from '../conversion/common.js';
import { defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';
import { plainStatusStrategy, podDisruptionBudgetStrategy } from '../strategy/groups.js';

const policy = { group: 'policy', typesPackage: 'io.k8s.api.policy' };

/** policy: disruption budgets (evictions are a subresource of pods). */
export const policyResources: ResourceEntry[] = [
  defineResource(policy, {
    resource: 'poddisruptionbudgets',
    kind: 'PodDisruptionBudget',
    versions: [
      'v1',
      sameShape(policy.typesPackage, 'v1beta1', 'PodDisruptionBudget', {
        warning:
          'policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; use policy/v1 PodDisruptionBudget',
      }),
    ],
    shortNames: ['pdb'],
    columns: podDisruptionBudgetColumns,
    strategy: podDisruptionBudgetStrategy,
    subresources: { status: statusOf('PodDisruptionBudget', plainStatusStrategy) },
  }),
];
