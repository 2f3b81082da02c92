import { runtimeClassColumns } from '../columns/groups.js';
import { defineResource } from '../define.js';
import type { ResourceEntry } from '../resource.js';
import { runtimeClassStrategy } from '../strategy/groups.js';

const node = { group: 'node.k8s.io', typesPackage: 'io.k8s.api.node' };

/** node.k8s.io. */
export const nodeResources: ResourceEntry[] = [
  defineResource(node, {
    resource: 'runtimeclasses',
    kind: 'RuntimeClass',
    versions: ['v1'],
    namespaced: false,
    columns: runtimeClassColumns,
    strategy: runtimeClassStrategy,
  }),
];
