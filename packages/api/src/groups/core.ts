import type { KubeObject } from '@kubelab/apimachinery';
import {
  componentStatusColumns,
  configMapColumns,
  endpointsColumns,
  eventColumns,
  namespaceColumns,
  nodeColumns,
  persistentVolumeClaimColumns,
  persistentVolumeColumns,
  resourceQuotaColumns,
  secretColumns,
  serviceAccountColumns,
  serviceColumns,
} from '../columns/core.js';
import { podColumns } from '../columns/pod.js';
import { podTemplateColumns, replicationControllerColumns } from '../columns/workloads.js';
import {
  setEndpointsDefaults,
  setLimitRangeDefaults,
  setNamespaceDefaults,
  setNodeDefaults,
  setPodTemplateObjectDefaults,
  setReplicationControllerDefaults,
  setResourceQuotaDefaults,
  setSecretDefaults,
  setServiceDefaults,
} from '../defaults/core.js';
import { setPodDefaults } from '../defaults/podspec.js';
import { setPersistentVolumeClaimDefaults, setPersistentVolumeDefaults } from '../defaults/volumes.js';
import { connect, defaultsOf, defineResource, scaleOf, statusOf } from '../define.js';
import { eventFields, podFields, text } from '../fields.js';
import type { ResourceEntry, ResourceVersion } from '../resource.js';
import * as core from '../strategy/core.js';
import {
  podEphemeralContainersStrategy,
  podGracePeriod,
  podResizeStrategy,
  podStatusStrategy,
  podStrategy,
} from '../strategy/pod.js';
import { nameIsDns1035Label, nameIsDnsLabel } from '../validation/common.js';

const group = { group: '', typesPackage: 'io.k8s.api.core' };
const v1 = ['v1'];
const PROXY_VERBS = ['create', 'delete', 'get', 'patch', 'update'];
const WITHOUT_COLLECTION = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
const deprecated = (kind: string, deprecationWarning: string): ResourceVersion => ({
  version: 'v1',
  schemaName: `${group.typesPackage}.v1.${kind}`,
  deprecationWarning,
});
const unconditional = { allowUnconditionalUpdate: true };

const configuration: ResourceEntry[] = [
  defineResource(group, {
    ...unconditional,
    resource: 'configmaps',
    kind: 'ConfigMap',
    versions: v1,
    shortNames: ['cm'],
    columns: configMapColumns,
    strategy: core.configMapStrategy,
  }),
  defineResource(group, {
    ...unconditional,
    resource: 'secrets',
    kind: 'Secret',
    versions: v1,
    columns: secretColumns,
    strategy: core.secretStrategy,
    defaults: defaultsOf(setSecretDefaults),
    selectableFields: { type: text('type') },
  }),
  defineResource(group, {
    ...unconditional,
    resource: 'serviceaccounts',
    kind: 'ServiceAccount',
    versions: v1,
    shortNames: ['sa'],
    columns: serviceAccountColumns,
    strategy: core.serviceAccountStrategy,
    subresources: {
      token: connect('TokenRequest', ['create'], { group: 'authentication.k8s.io', version: 'v1' }),
    },
  }),
  defineResource(group, {
    ...unconditional,
    resource: 'limitranges',
    kind: 'LimitRange',
    versions: v1,
    shortNames: ['limits'],
    strategy: core.limitRangeStrategy,
    defaults: defaultsOf(setLimitRangeDefaults),
  }),
  defineResource(group, {
    ...unconditional,
    resource: 'resourcequotas',
    kind: 'ResourceQuota',
    versions: v1,
    shortNames: ['quota'],
    columns: resourceQuotaColumns,
    strategy: core.resourceQuotaStrategy,
    defaults: defaultsOf(setResourceQuotaDefaults),
    subresources: { status: statusOf('ResourceQuota', core.resourceQuotaStatusStrategy) },
  }),
];

const workloads: ResourceEntry[] = [
  defineResource(group, {
    ...unconditional,
    resource: 'pods',
    kind: 'Pod',
    versions: v1,
    shortNames: ['po'],
    categories: ['all'],
    columns: podColumns,
    strategy: podStrategy,
    defaults: defaultsOf(setPodDefaults),
    selectableFields: podFields,
    gracefulDeleteSeconds: podGracePeriod,
    subresources: {
      attach: connect('PodAttachOptions', ['create', 'get']),
      binding: connect('Binding', ['create']),
      ephemeralcontainers: {
        kind: 'Pod',
        verbs: ['get', 'patch', 'update'],
        type: 'spec',
        strategy: podEphemeralContainersStrategy,
      },
      eviction: connect('Eviction', ['create'], { group: 'policy', version: 'v1' }),
      exec: connect('PodExecOptions', ['create', 'get']),
      log: connect('Pod', ['get']),
      portforward: connect('PodPortForwardOptions', ['create', 'get']),
      proxy: connect('PodProxyOptions', PROXY_VERBS),
      resize: { kind: 'Pod', verbs: ['get', 'patch', 'update'], type: 'spec', strategy: podResizeStrategy },
      status: statusOf('Pod', podStatusStrategy),
    },
  }),
  defineResource(group, {
    ...unconditional,
    resource: 'podtemplates',
    kind: 'PodTemplate',
    versions: v1,
    columns: podTemplateColumns,
    strategy: core.podTemplateStrategy,
    defaults: defaultsOf(setPodTemplateObjectDefaults),
  }),
  defineResource(group, {
    ...unconditional,
    resource: 'replicationcontrollers',
    kind: 'ReplicationController',
    versions: v1,
    shortNames: ['rc'],
    categories: ['all'],
    storagePrefix: 'controllers',
    columns: replicationControllerColumns,
    strategy: core.replicationControllerStrategy,
    defaults: defaultsOf(setReplicationControllerDefaults),
    selectableFields: { 'status.replicas': text('status.replicas', '0') },
    defaultGarbageCollection: 'orphan',
    subresources: {
      scale: scaleOf('.spec.selector'),
      status: statusOf('ReplicationController', core.replicaStatusStrategy),
    },
  }),
];

const network: ResourceEntry[] = [
  defineResource(group, {
    ...unconditional,
    resource: 'endpoints',
    kind: 'Endpoints',
    versions: [deprecated('Endpoints', 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice')],
    shortNames: ['ep'],
    storagePrefix: 'services/endpoints',
    columns: endpointsColumns,
    strategy: core.endpointsStrategy,
    defaults: defaultsOf(setEndpointsDefaults),
  }),
  defineResource(group, {
    ...unconditional,
    resource: 'services',
    kind: 'Service',
    versions: v1,
    shortNames: ['svc'],
    categories: ['all'],
    storagePrefix: 'services/specs',
    columns: serviceColumns,
    strategy: core.serviceStrategy,
    defaults: defaultsOf(setServiceDefaults),
    selectableFields: { 'spec.clusterIP': text('spec.clusterIP'), 'spec.type': text('spec.type') },
    validateName: nameIsDns1035Label,
    subresources: {
      proxy: connect('ServiceProxyOptions', PROXY_VERBS),
      status: statusOf('Service', core.serviceStatusStrategy),
    },
  }),
];

const cluster: ResourceEntry[] = [
  defineResource(group, {
    ...unconditional,
    resource: 'namespaces',
    kind: 'Namespace',
    versions: v1,
    shortNames: ['ns'],
    namespaced: false,
    verbs: WITHOUT_COLLECTION,
    columns: namespaceColumns,
    strategy: core.namespaceStrategy,
    defaults: defaultsOf(setNamespaceDefaults),
    selectableFields: { 'status.phase': text('status.phase'), name: (obj: KubeObject) => obj.metadata.name ?? '' },
    validateName: nameIsDnsLabel,
    subresources: {
      finalize: { kind: 'Namespace', verbs: ['update'], type: 'connect' },
      status: statusOf('Namespace', core.namespaceStatusStrategy),
    },
  }),
  defineResource(group, {
    ...unconditional,
    resource: 'nodes',
    kind: 'Node',
    versions: v1,
    shortNames: ['no'],
    namespaced: false,
    storagePrefix: 'minions',
    columns: nodeColumns,
    strategy: core.nodeStrategy,
    defaults: defaultsOf(setNodeDefaults),
    selectableFields: { 'spec.unschedulable': text('spec.unschedulable', 'false') },
    subresources: {
      proxy: connect('NodeProxyOptions', PROXY_VERBS),
      status: statusOf('Node', core.nodeStatusStrategy),
    },
  }),
  defineResource(group, {
    ...unconditional,
    resource: 'persistentvolumeclaims',
    kind: 'PersistentVolumeClaim',
    versions: v1,
    shortNames: ['pvc'],
    columns: persistentVolumeClaimColumns,
    strategy: core.persistentVolumeClaimStrategy,
    defaults: defaultsOf(setPersistentVolumeClaimDefaults),
    subresources: { status: statusOf('PersistentVolumeClaim', core.plainStatusStrategy) },
  }),
  defineResource(group, {
    ...unconditional,
    resource: 'persistentvolumes',
    kind: 'PersistentVolume',
    versions: v1,
    shortNames: ['pv'],
    namespaced: false,
    columns: persistentVolumeColumns,
    strategy: core.persistentVolumeStrategy,
    defaults: defaultsOf(setPersistentVolumeDefaults),
    subresources: { status: statusOf('PersistentVolume', core.plainStatusStrategy) },
  }),
  defineResource(group, {
    ...unconditional,
    resource: 'events',
    kind: 'Event',
    versions: v1,
    shortNames: ['ev'],
    columns: eventColumns,
    strategy: core.eventStrategy,
    selectableFields: eventFields,
    allowCreateOnUpdate: true,
  }),
];

/** The core group: everything under /api/v1. */
export const coreResources: ResourceEntry[] = [
  defineResource(group, { resource: 'bindings', kind: 'Binding', versions: v1, verbs: ['create'], virtual: true }),
  defineResource(group, {
    resource: 'componentstatuses',
    kind: 'ComponentStatus',
    versions: [deprecated('ComponentStatus', 'v1 ComponentStatus is deprecated in v1.19+')],
    shortNames: ['cs'],
    namespaced: false,
    verbs: ['get', 'list'],
    virtual: true,
    columns: componentStatusColumns,
  }),
  ...configuration,
  ...workloads,
  ...network,
  ...cluster,
].sort((a, b) => (a.resource < b.resource ? -1 : 1));
