import { endpointSliceColumns } from '../columns/groups.js';
import { converted } from '../conversion/common.js';
import { endpointSliceFromStorage, endpointSliceToStorage } from '../conversion/endpointslice.js';
import { setEndpointSliceDefaults } from '../defaults/groups.js';
import { defaultsOf, defineResource } from '../define.js';
import type { ResourceEntry } from '../resource.js';
import { endpointSliceStrategy } from '../strategy/groups.js';

const discovery = { group: 'discovery.k8s.io', typesPackage: 'io.k8s.api.discovery' };

/** discovery.k8s.io. */
export const discoveryResources: ResourceEntry[] = [
  defineResource(discovery, {
    resource: 'endpointslices',
    kind: 'EndpointSlice',
    versions: [
      'v1',
      converted(discovery.typesPackage, 'v1beta1', 'EndpointSlice', {
        toStorage: endpointSliceToStorage,
        fromStorage: endpointSliceFromStorage,
        warning:
          'discovery.k8s.io/v1beta1 EndpointSlice is deprecated in v1.21+, unavailable in v1.25+; use discovery.k8s.io/v1 EndpointSlice',
      }),
    ],
    allowUnconditionalUpdate: true,
    columns: endpointSliceColumns,
    strategy: endpointSliceStrategy,
    defaults: defaultsOf(setEndpointSliceDefaults),
  }),
];
