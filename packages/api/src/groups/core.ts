import { connect, defineResource, scaleOf, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const core = { group: '', typesPackage: 'io.k8s.api.core' };
const v1 = ['v1'];
const PROXY_VERBS = ['create', 'delete', 'get', 'patch', 'update'];
const WITHOUT_COLLECTION = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

/** The core group: everything under /api/v1. */
export const coreResources: ResourceEntry[] = [
  defineResource(core, { resource: 'bindings', kind: 'Binding', versions: v1, verbs: ['create'], virtual: true }),
  defineResource(core, {
    resource: 'componentstatuses',
    kind: 'ComponentStatus',
    versions: v1,
    shortNames: ['cs'],
    namespaced: false,
    verbs: ['get', 'list'],
    virtual: true,
  }),
  defineResource(core, { resource: 'configmaps', kind: 'ConfigMap', versions: v1, shortNames: ['cm'] }),
  defineResource(core, {
    resource: 'endpoints',
    kind: 'Endpoints',
    versions: v1,
    shortNames: ['ep'],
    storagePrefix: 'services/endpoints',
  }),
  defineResource(core, { resource: 'events', kind: 'Event', versions: v1, shortNames: ['ev'] }),
  defineResource(core, { resource: 'limitranges', kind: 'LimitRange', versions: v1, shortNames: ['limits'] }),
  defineResource(core, {
    resource: 'namespaces',
    kind: 'Namespace',
    versions: v1,
    shortNames: ['ns'],
    namespaced: false,
    verbs: WITHOUT_COLLECTION,
    subresources: {
      finalize: { kind: 'Namespace', verbs: ['update'], type: 'connect' },
      status: statusOf('Namespace'),
    },
  }),
  defineResource(core, {
    resource: 'nodes',
    kind: 'Node',
    versions: v1,
    shortNames: ['no'],
    namespaced: false,
    storagePrefix: 'minions',
    subresources: { proxy: connect('NodeProxyOptions', PROXY_VERBS), status: statusOf('Node') },
  }),
  defineResource(core, {
    resource: 'persistentvolumeclaims',
    kind: 'PersistentVolumeClaim',
    versions: v1,
    shortNames: ['pvc'],
    subresources: { status: statusOf('PersistentVolumeClaim') },
  }),
  defineResource(core, {
    resource: 'persistentvolumes',
    kind: 'PersistentVolume',
    versions: v1,
    shortNames: ['pv'],
    namespaced: false,
    subresources: { status: statusOf('PersistentVolume') },
  }),
  defineResource(core, {
    resource: 'pods',
    kind: 'Pod',
    versions: v1,
    shortNames: ['po'],
    categories: ['all'],
    subresources: {
      attach: connect('PodAttachOptions', ['create', 'get']),
      binding: connect('Binding', ['create']),
      ephemeralcontainers: { kind: 'Pod', verbs: ['get', 'patch', 'update'], type: 'spec' },
      eviction: connect('Eviction', ['create'], { group: 'policy', version: 'v1' }),
      exec: connect('PodExecOptions', ['create', 'get']),
      log: connect('Pod', ['get']),
      portforward: connect('PodPortForwardOptions', ['create', 'get']),
      proxy: connect('PodProxyOptions', PROXY_VERBS),
      resize: { kind: 'Pod', verbs: ['get', 'patch', 'update'], type: 'spec' },
      status: statusOf('Pod'),
    },
  }),
  defineResource(core, { resource: 'podtemplates', kind: 'PodTemplate', versions: v1 }),
  defineResource(core, {
    resource: 'replicationcontrollers',
    kind: 'ReplicationController',
    versions: v1,
    shortNames: ['rc'],
    categories: ['all'],
    storagePrefix: 'controllers',
    subresources: { scale: scaleOf('.spec.selector'), status: statusOf('ReplicationController') },
  }),
  defineResource(core, {
    resource: 'resourcequotas',
    kind: 'ResourceQuota',
    versions: v1,
    shortNames: ['quota'],
    subresources: { status: statusOf('ResourceQuota') },
  }),
  defineResource(core, { resource: 'secrets', kind: 'Secret', versions: v1 }),
  defineResource(core, {
    resource: 'serviceaccounts',
    kind: 'ServiceAccount',
    versions: v1,
    shortNames: ['sa'],
    subresources: {
      token: connect('TokenRequest', ['create'], { group: 'authentication.k8s.io', version: 'v1' }),
    },
  }),
  defineResource(core, {
    resource: 'services',
    kind: 'Service',
    versions: v1,
    shortNames: ['svc'],
    categories: ['all'],
    storagePrefix: 'services/specs',
    subresources: { proxy: connect('ServiceProxyOptions', PROXY_VERBS), status: statusOf('Service') },
  }),
];
