import type { V1CustomResourceDefinition } from '../generated/types.js';
import type { Strategy } from '../resource.js';
import {
  validateCustomResourceDefinition,
  validateCustomResourceDefinitionUpdate,
} from '../validation/custom-resource-definition.js';
import { statusStrategyOf, strategyOf } from './common.js';

/** CRDs: at creation the storage version is the only one that objects may be stored in. */
export const customResourceDefinitionStrategy: Strategy = strategyOf<V1CustomResourceDefinition>({
  initialStatus(crd) {
    const stored = crd.spec?.versions?.find((v) => v.storage)?.name;
    return {
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: stored === undefined ? [] : [stored],
    };
  },
  generation: true,
  validations: { create: validateCustomResourceDefinition, update: validateCustomResourceDefinitionUpdate },
  update(crd) {
    // A version that becomes the stored one is remembered: objects may be stored in it from now on.
    const stored = crd.spec?.versions?.find((v) => v.storage)?.name;
    if (!crd.status || stored === undefined) return;
    const versions = crd.status.storedVersions ?? [];
    if (!versions.includes(stored)) crd.status = { ...crd.status, storedVersions: [...versions, stored] };
  },
});

/** customresourcedefinitions/status. */
export const customResourceDefinitionStatusStrategy = statusStrategyOf<V1CustomResourceDefinition>();
