import { priorityClassColumns } from '../columns/groups.js';
import { setPriorityClassDefaults } from '../defaults/groups.js';
import { defaultsOf, defineResource } from '../define.js';
import type { ResourceEntry } from '../resource.js';
import { priorityClassStrategy } from '../strategy/groups.js';

const scheduling = { group: 'scheduling.k8s.io', typesPackage: 'io.k8s.api.scheduling' };

/** scheduling.k8s.io. */
export const schedulingResources: ResourceEntry[] = [
  defineResource(scheduling, {
    resource: 'priorityclasses',
    kind: 'PriorityClass',
    versions: ['v1'],
    shortNames: ['pc'],
    namespaced: false,
    allowUnconditionalUpdate: true,
    columns: priorityClassColumns,
    strategy: priorityClassStrategy,
    defaults: defaultsOf(setPriorityClassDefaults),
  }),
];
