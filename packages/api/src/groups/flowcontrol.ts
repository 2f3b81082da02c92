import { flowSchemaColumns, priorityLevelConfigurationColumns } from '../columns/groups.js';
import { converted, sameShape } from '../conversion/common.js';
import { priorityLevelFromStorage, priorityLevelToStorage } from '../conversion/flowcontrol.js';
import { setFlowSchemaDefaults, setPriorityLevelConfigurationDefaults } from '../defaults/groups.js';
import { defaultsOf, defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';
import { flowSchemaStrategy, plainStatusStrategy, priorityLevelStrategy } from '../strategy/groups.js';

const flowcontrol = { group: 'flowcontrol.apiserver.k8s.io', typesPackage: 'io.k8s.api.flowcontrol' };
const row = { namespaced: false, allowUnconditionalUpdate: true };
const warning = (version: string, kind: string, since: string, gone: string): string =>
  `flowcontrol.apiserver.k8s.io/${version} ${kind} is deprecated in ${since}+, unavailable in ${gone}+; use flowcontrol.apiserver.k8s.io/v1 ${kind}`;
const OLD: [string, string, string][] = [
  ['v1beta3', 'v1.29', 'v1.32'],
  ['v1beta2', 'v1.26', 'v1.29'],
  ['v1beta1', 'v1.23', 'v1.26'],
];

/** flowcontrol.apiserver.k8s.io: API priority and fairness. */
export const flowcontrolResources: ResourceEntry[] = [
  defineResource(flowcontrol, {
    ...row,
    resource: 'flowschemas',
    kind: 'FlowSchema',
    versions: [
      'v1',
      ...OLD.map(([v, since, gone]) =>
        sameShape(flowcontrol.typesPackage, v, 'FlowSchema', { warning: warning(v, 'FlowSchema', since, gone) }),
      ),
    ],
    columns: flowSchemaColumns,
    strategy: flowSchemaStrategy,
    defaults: defaultsOf(setFlowSchemaDefaults),
    subresources: { status: statusOf('FlowSchema', plainStatusStrategy) },
  }),
  defineResource(flowcontrol, {
    ...row,
    resource: 'prioritylevelconfigurations',
    kind: 'PriorityLevelConfiguration',
    versions: [
      'v1',
      ...OLD.map(([v, since, gone]) => {
        const text = warning(v, 'PriorityLevelConfiguration', since, gone);
        return v === 'v1beta3'
          ? sameShape(flowcontrol.typesPackage, v, 'PriorityLevelConfiguration', { warning: text })
          : converted(flowcontrol.typesPackage, v, 'PriorityLevelConfiguration', {
              toStorage: priorityLevelToStorage,
              fromStorage: priorityLevelFromStorage,
              warning: text,
            });
      }),
    ],
    columns: priorityLevelConfigurationColumns,
    strategy: priorityLevelStrategy,
    defaults: defaultsOf(setPriorityLevelConfigurationDefaults),
    subresources: { status: statusOf('PriorityLevelConfiguration', plainStatusStrategy) },
  }),
];
