import { leaseColumns } from '../columns/groups.js';
import { defineResource } from '../define.js';
import type { ResourceEntry } from '../resource.js';
import { leaseStrategy } from '../strategy/groups.js';

const coordination = { group: 'coordination.k8s.io', typesPackage: 'io.k8s.api.coordination' };

/** coordination.k8s.io. */
export const coordinationResources: ResourceEntry[] = [
  defineResource(coordination, {
    resource: 'leases',
    kind: 'Lease',
    versions: ['v1'],
    columns: leaseColumns,
    strategy: leaseStrategy,
    allowCreateOnUpdate: true,
  }),
];
