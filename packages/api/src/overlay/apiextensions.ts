import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.apiextensions-apiserver.pkg.apis.apiextensions. */
export const apiextensionsOverlay: Overlay = {
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1': {
    CustomResourceDefinitionStatus: { conditions: 'map=type' },
    JSONSchemaProps: { 'x-kubernetes-validations': 'map=rule patch=merge:rule' },
  },
};
