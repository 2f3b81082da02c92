import type { Schema } from '@kubelab/apimachinery';

/** Definitions that client-node folds into plain types. */
export const sharedDefinitions: Record<string, Schema> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': {
    description:
      'Quantity is a fixed-point representation of a number. It provides convenient marshaling/unmarshaling in JSON and YAML, in addition to String() and AsInt64() accessors. The serialization format is a decimal number with an optional suffix: a binary one (Ki, Mi, Gi, Ti, Pi, Ei), a decimal one (n, u, m, k, M, G, T, P, E) or an exponent (e3, E3). No fraction finer than one thousandth is kept for compute resources, and quantities are stored in a canonical form.',
    oneOf: [{ type: 'string' }, { type: 'number' }],
  },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': {
    description: 'RawExtension is used to hold extensions in external versions.',
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  },
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': {
    description:
      "FieldsV1 stores a set of fields in a data structure like a Trie, in JSON format. Each key is either a '.' representing the field itself, and will always map to an empty set, or a string representing a sub-field or item: 'f:<name>', 'k:<keys>', 'v:<value>' or 'i:<index>'.",
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': {
    description: 'Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.',
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  },
};

const RAW_EXTENSION = '#/components/schemas/io.k8s.apimachinery.pkg.runtime.RawExtension';
const FIELDS = '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1';

/** Gives the free-form fields their Kubernetes types. */
export function applySharedDefinitions(definitions: Map<string, Schema>): void {
  for (const [name, schema] of Object.entries(sharedDefinitions)) definitions.set(name, schema);
  const point = (name: string, field: string, ref: string): void => {
    const properties = definitions.get(name)?.properties;
    if (properties) properties[field] = { description: properties[field]?.description ?? '', $ref: ref };
  };
  point('io.k8s.api.apps.v1.ControllerRevision', 'data', RAW_EXTENSION);
  point('io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent', 'object', RAW_EXTENSION);
  point('io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry', 'fieldsV1', FIELDS);
}
