import { readFileSync } from 'node:fs';
import type { Schema } from '@kubelab/apimachinery';
import { applyOverlay } from './overlay/apply.js';
import { overlays } from './overlay/index.js';
import { addLegacyDefinitions } from './overlay/legacy.js';
import { applySharedDefinitions } from './overlay/shared.js';

/** What comes before a name in a `$ref` of the definitions. */
export const REF_PREFIX = '#/components/schemas/';

const METADATA: Record<string, string> = {
  ObjectMeta:
    "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
  ListMeta:
    'Standard list metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
};

const CONVENTIONS =
  'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#spec-and-status';

function textOf(schema: Schema, field: string, type: string, own: string | undefined): string | undefined {
  if (METADATA[type]) return METADATA[type];
  const kind = schema['x-kubernetes-group-version-kind']?.[0]?.kind;
  if (kind && field === 'spec')
    return `Specification of the desired behavior of the ${kind}. More info: ${CONVENTIONS}`;
  if (kind && field === 'status') {
    return `Most recently observed status of the ${kind}. This data may not be up to date. Populated by the system. Read-only. More info: ${CONVENTIONS}`;
  }
  return own;
}

/** client-node's models don't describe fields that are objects of their own: such a field gets its type's text. */
function describeReferences(map: Map<string, Schema>): void {
  for (const schema of map.values()) {
    for (const [field, property] of Object.entries(schema.properties ?? {})) {
      if (property.description || property.$ref === undefined) continue;
      const name = property.$ref.slice(REF_PREFIX.length);
      const text = textOf(schema, field, name.slice(name.lastIndexOf('.') + 1), map.get(name)?.description);
      if (text) property.description = text;
    }
  }
}

function load(): Map<string, Schema> {
  const file = new URL('../generated/definitions.json', import.meta.url);
  const map = new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Schema>));
  applySharedDefinitions(map);
  for (const overlay of overlays) applyOverlay(map, overlay);
  addLegacyDefinitions(map);
  describeReferences(map);
  return map;
}

/** Schemas by Kubernetes' OpenAPI names (`io.k8s.api.core.v1.Pod`), generated and completed by the overlay. */
export const definitions: Map<string, Schema> = load();

/** Finds what a `$ref` of the definitions points at. */
export function resolveSchema(ref: string): Schema | undefined {
  return definitions.get(ref.startsWith(REF_PREFIX) ? ref.slice(REF_PREFIX.length) : ref);
}
