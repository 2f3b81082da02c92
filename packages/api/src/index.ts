export { endpointsText } from './columns/core.js';
export { summarizePod } from './columns/pod.js';
export { setPodDefaults, setPodSpecDefaults, setPodTemplateDefaults } from './defaults/podspec.js';
export { ALL_VERBS, defineResource, NAME_AND_AGE } from './define.js';
export { definitions, resolveSchema } from './definitions.js';
export type * from './generated/types.js';
export { builtinResources, resources } from './groups/index.js';
export { encodeGnostic, GNOSTIC_CONTENT_TYPE } from './openapi/gnostic.js';
export { buildOpenApiV2, type OpenApiV2 } from './openapi/v2.js';
export { buildOpenApiV3, type OpenApiDocument, openApiV3Paths } from './openapi/v3.js';
export { podQosClass } from './pod-qos.js';
export { decodeProtobuf } from './protobuf/decode.js';
export { encodeProtobuf, encodeProtobufEvent, hasProtobuf } from './protobuf/encode.js';
export { ProtobufError } from './protobuf/wire-reader.js';
export type {
  Column,
  ResourceEntry,
  ResourceVersion,
  Strategy,
  StrategyContext,
  SubresourceEntry,
} from './resource.js';
export { schemaFor } from './schema.js';
export { ResourceTable, type TableListener, versionOf } from './table.js';
export { podTotals } from './usage/pod-resources.js';
export { inScope, missingConstraints, type Quota, type Usage, usageOf } from './usage/quota-usage.js';
export { validateClientConfig } from './validation/admissionregistration.js';
export { semanticEqual } from './validation/common.js';
export { validateServiceAddresses } from './validation/service.js';
