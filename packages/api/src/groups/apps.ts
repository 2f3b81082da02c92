import {
  controllerRevisionColumns,
  daemonSetColumns,
  deploymentColumns,
  replicaSetColumns,
  statefulSetColumns,
} from '../columns/workloads.js';
import {
  setDaemonSetDefaults,
  setDeploymentDefaults,
  setReplicaSetDefaults,
  setStatefulSetDefaults,
} from '../defaults/workloads.js';
import { defaultsOf, defineResource, scaleOf, statusOf } from '../define.js';
import { text } from '../fields.js';
import type { ResourceEntry } from '../resource.js';
import * as workloads from '../strategy/workloads.js';
import { nameIsDnsLabel } from '../validation/common.js';

const apps = { group: 'apps', typesPackage: 'io.k8s.api.apps' };
const row = { versions: ['v1'], allowUnconditionalUpdate: true };

/** apps: the workload controllers. */
export const appsResources: ResourceEntry[] = [
  defineResource(apps, {
    ...row,
    resource: 'controllerrevisions',
    kind: 'ControllerRevision',
    columns: controllerRevisionColumns,
    strategy: workloads.controllerRevisionStrategy,
  }),
  defineResource(apps, {
    ...row,
    resource: 'daemonsets',
    kind: 'DaemonSet',
    shortNames: ['ds'],
    categories: ['all'],
    columns: daemonSetColumns,
    strategy: workloads.daemonSetStrategy,
    defaults: defaultsOf(setDaemonSetDefaults),
    subresources: { status: statusOf('DaemonSet', workloads.daemonSetStatusStrategy) },
  }),
  defineResource(apps, {
    ...row,
    resource: 'deployments',
    kind: 'Deployment',
    shortNames: ['deploy'],
    categories: ['all'],
    columns: deploymentColumns,
    strategy: workloads.deploymentStrategy,
    defaults: defaultsOf(setDeploymentDefaults),
    subresources: {
      scale: scaleOf('.spec.selector'),
      status: statusOf('Deployment', workloads.workloadStatusStrategy),
    },
  }),
  defineResource(apps, {
    ...row,
    resource: 'replicasets',
    kind: 'ReplicaSet',
    shortNames: ['rs'],
    categories: ['all'],
    columns: replicaSetColumns,
    strategy: workloads.replicaSetStrategy,
    defaults: defaultsOf(setReplicaSetDefaults),
    selectableFields: { 'status.replicas': text('status.replicas', '0') },
    subresources: {
      scale: scaleOf('.spec.selector'),
      status: statusOf('ReplicaSet', workloads.workloadStatusStrategy),
    },
  }),
  defineResource(apps, {
    ...row,
    resource: 'statefulsets',
    kind: 'StatefulSet',
    shortNames: ['sts'],
    categories: ['all'],
    columns: statefulSetColumns,
    strategy: workloads.statefulSetStrategy,
    defaults: defaultsOf(setStatefulSetDefaults),
    validateName: nameIsDnsLabel,
    subresources: {
      scale: scaleOf('.spec.selector'),
      status: statusOf('StatefulSet', workloads.workloadStatusStrategy),
    },
  }),
];
