import { apiServiceColumns } from '../columns/groups.js';
import { setApiServiceDefaults, setCustomResourceDefinitionDefaults } from '../defaults/groups.js';
import { defaultsOf, defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';
import { apiServiceStrategy, plainStatusStrategy } from '../strategy/groups.js';
import { nameIsPathSegment } from '../validation/common.js';

const apiextensions = {
  group: 'apiextensions.k8s.io',
  typesPackage: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
};
const apiregistration = {
  group: 'apiregistration.k8s.io',
  typesPackage: 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
};

/** apiextensions.k8s.io and apiregistration.k8s.io: how the API itself is extended. */
export const extensionResources: ResourceEntry[] = [
  defineResource(apiextensions, {
    resource: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    versions: ['v1'],
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    namespaced: false,
    storagePrefix: 'apiextensions.k8s.io/customresourcedefinitions',
    // The API server, which knows CEL and the resources that definitions make, adds the strategy.
    defaults: defaultsOf(setCustomResourceDefinitionDefaults),
    subresources: { status: statusOf('CustomResourceDefinition', plainStatusStrategy) },
  }),
  defineResource(apiregistration, {
    resource: 'apiservices',
    kind: 'APIService',
    versions: ['v1'],
    categories: ['api-extensions'],
    namespaced: false,
    storagePrefix: 'apiregistration.k8s.io/apiservices',
    columns: apiServiceColumns,
    strategy: apiServiceStrategy,
    defaults: defaultsOf(setApiServiceDefaults),
    validateName: nameIsPathSegment,
    subresources: { status: statusOf('APIService', plainStatusStrategy) },
  }),
];
