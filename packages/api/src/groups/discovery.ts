import { defineResource } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const discovery = { group: 'discovery.k8s.io', typesPackage: 'io.k8s.api.discovery' };

/** discovery.k8s.io. */
export const discoveryResources: ResourceEntry[] = [
  defineResource(discovery, { resource: 'endpointslices', kind: 'EndpointSlice', versions: ['v1'] }),
];
