import { defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const flowcontrol = { group: 'flowcontrol.apiserver.k8s.io', typesPackage: 'io.k8s.api.flowcontrol' };

/** flowcontrol.apiserver.k8s.io: API priority and fairness. */
export const flowcontrolResources: ResourceEntry[] = [
  defineResource(flowcontrol, {
    resource: 'flowschemas',
    kind: 'FlowSchema',
    versions: ['v1', 'v1beta3'],
    namespaced: false,
    subresources: { status: statusOf('FlowSchema') },
  }),
  defineResource(flowcontrol, {
    resource: 'prioritylevelconfigurations',
    kind: 'PriorityLevelConfiguration',
    versions: ['v1', 'v1beta3'],
    namespaced: false,
    subresources: { status: statusOf('PriorityLevelConfiguration') },
  }),
];
