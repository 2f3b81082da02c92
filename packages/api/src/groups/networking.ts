import { defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const networking = { group: 'networking.k8s.io', typesPackage: 'io.k8s.api.networking' };

/** networking.k8s.io. */
export const networkingResources: ResourceEntry[] = [
  defineResource(networking, { resource: 'ingressclasses', kind: 'IngressClass', versions: ['v1'], namespaced: false }),
  defineResource(networking, {
    resource: 'ingresses',
    kind: 'Ingress',
    versions: ['v1'],
    shortNames: ['ing'],
    storagePrefix: 'ingress',
    subresources: { status: statusOf('Ingress') },
  }),
  defineResource(networking, {
    resource: 'ipaddresses',
    kind: 'IPAddress',
    versions: ['v1', 'v1beta1'],
    shortNames: ['ip'],
    namespaced: false,
  }),
  defineResource(networking, {
    resource: 'networkpolicies',
    kind: 'NetworkPolicy',
    versions: ['v1'],
    shortNames: ['netpol'],
  }),
  defineResource(networking, {
    resource: 'servicecidrs',
    kind: 'ServiceCIDR',
    versions: ['v1', 'v1beta1'],
    namespaced: false,
    subresources: { status: statusOf('ServiceCIDR') },
  }),
];
