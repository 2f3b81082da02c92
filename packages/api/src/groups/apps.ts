import { defineResource, scaleOf, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const apps = { group: 'apps', typesPackage: 'io.k8s.api.apps' };
const v1 = ['v1'];

/** apps: the workload controllers. */
export const appsResources: ResourceEntry[] = [
  defineResource(apps, { resource: 'controllerrevisions', kind: 'ControllerRevision', versions: v1 }),
  defineResource(apps, {
    resource: 'daemonsets',
    kind: 'DaemonSet',
    versions: v1,
    shortNames: ['ds'],
    categories: ['all'],
    subresources: { status: statusOf('DaemonSet') },
  }),
  defineResource(apps, {
    resource: 'deployments',
    kind: 'Deployment',
    versions: v1,
    shortNames: ['deploy'],
    categories: ['all'],
    subresources: { scale: scaleOf('.spec.selector'), status: statusOf('Deployment') },
  }),
  defineResource(apps, {
    resource: 'replicasets',
    kind: 'ReplicaSet',
    versions: v1,
    shortNames: ['rs'],
    categories: ['all'],
    subresources: { scale: scaleOf('.spec.selector'), status: statusOf('ReplicaSet') },
  }),
  defineResource(apps, {
    resource: 'statefulsets',
    kind: 'StatefulSet',
    versions: v1,
    shortNames: ['sts'],
    categories: ['all'],
    subresources: { scale: scaleOf('.spec.selector'), status: statusOf('StatefulSet') },
  }),
];
