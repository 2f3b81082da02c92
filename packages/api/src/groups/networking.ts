import {
  ingressClassColumns,
  ingressColumns,
  ipAddressColumns,
  networkPolicyColumns,
  serviceCidrColumns,
} from '../columns/groups.js';
import { converted, sameShape } from '../conversion/common.js';
import { ingressFromStorage, ingressToStorage } from '../conversion/ingress.js';
import { setIngressClassDefaults, setIngressDefaults, setNetworkPolicyDefaults } from '../defaults/groups.js';
import { defaultsOf, defineResource, type ResourceDefinition, statusOf } from '../define.js';
import { text } from '../fields.js';
import type { ResourceEntry, ResourceVersion } from '../resource.js';
import * as strategies from '../strategy/groups.js';
import { ipAddressName } from '../validation/networking.js';

const networking = { group: 'networking.k8s.io', typesPackage: 'io.k8s.api.networking' };
const extensions = { group: 'extensions', typesPackage: 'io.k8s.api.extensions' };

const oldIngress = (typesPackage: string, group: string, since: string): ResourceVersion =>
  converted(typesPackage, 'v1beta1', 'Ingress', {
    toStorage: ingressToStorage,
    fromStorage: ingressFromStorage,
    warning: `${group}/v1beta1 Ingress is deprecated in ${since}+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress`,
  });

const ingress: Omit<ResourceDefinition, 'versions'> = {
  resource: 'ingresses',
  kind: 'Ingress',
  shortNames: ['ing'],
  storagePrefix: 'ingress',
  allowUnconditionalUpdate: true,
  columns: ingressColumns,
  strategy: strategies.ingressStrategy,
  defaults: defaultsOf(setIngressDefaults),
  subresources: { status: statusOf('Ingress', strategies.plainStatusStrategy) },
};

/** networking.k8s.io. */
export const networkingResources: ResourceEntry[] = [
  defineResource(networking, {
    resource: 'ingressclasses',
    kind: 'IngressClass',
    versions: ['v1', sameShape(networking.typesPackage, 'v1beta1', 'IngressClass')],
    namespaced: false,
    allowUnconditionalUpdate: true,
    columns: ingressClassColumns,
    strategy: strategies.ingressClassStrategy,
    defaults: defaultsOf(setIngressClassDefaults),
  }),
  defineResource(networking, {
    ...ingress,
    versions: ['v1', oldIngress(networking.typesPackage, 'networking.k8s.io', 'v1.19')],
  }),
  defineResource(networking, {
    resource: 'ipaddresses',
    kind: 'IPAddress',
    versions: ['v1', 'v1beta1'],
    shortNames: ['ip'],
    namespaced: false,
    columns: ipAddressColumns,
    strategy: strategies.ipAddressStrategy,
    validateName: ipAddressName,
    selectableFields: {
      'spec.parentRef.group': text('spec.parentRef.group'),
      'spec.parentRef.name': text('spec.parentRef.name'),
      'spec.parentRef.namespace': text('spec.parentRef.namespace'),
      'spec.parentRef.resource': text('spec.parentRef.resource'),
    },
  }),
  defineResource(networking, {
    resource: 'networkpolicies',
    kind: 'NetworkPolicy',
    versions: ['v1'],
    shortNames: ['netpol'],
    allowUnconditionalUpdate: true,
    columns: networkPolicyColumns,
    strategy: strategies.networkPolicyStrategy,
    defaults: defaultsOf(setNetworkPolicyDefaults),
  }),
  defineResource(networking, {
    resource: 'servicecidrs',
    kind: 'ServiceCIDR',
    versions: ['v1', 'v1beta1'],
    namespaced: false,
    columns: serviceCidrColumns,
    strategy: strategies.serviceCidrStrategy,
    subresources: { status: statusOf('ServiceCIDR', strategies.plainStatusStrategy) },
  }),
];

/** extensions: Ingress as manifests before networking.k8s.io have it; the same stored objects. */
export const extensionsResources: ResourceEntry[] = [
  defineResource(extensions, {
    ...ingress,
    // Short names belong to the group that is current, so that they mean one thing.
    shortNames: [],
    versions: [oldIngress(extensions.typesPackage, 'extensions', 'v1.14')],
    storageGroup: 'networking.k8s.io',
    storageVersion: 'v1',
  }),
];
