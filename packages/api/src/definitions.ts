import { readFileSync } from 'node:fs';
import type { Schema } from '@kubelab/apimachinery';
import { applyOverlay } from './overlay/apply.js';
import { overlays } from './overlay/index.js';
import { addLegacyDefinitions } from './overlay/legacy.js';
import { applySharedDefinitions } from './overlay/shared.js';

/** What comes before a name in a `$ref` of the definitions. */
export const REF_PREFIX = '#/components/schemas/';

function load(): Map<string, Schema> {
  const file = new URL('../generated/definitions.json', import.meta.url);
  const map = new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Schema>));
  applySharedDefinitions(map);
  for (const overlay of overlays) applyOverlay(map, overlay);
  addLegacyDefinitions(map);
  return map;
}

/** Schemas by Kubernetes' OpenAPI names (`io.k8s.api.core.v1.Pod`), generated and completed by the overlay. */
export const definitions: Map<string, Schema> = load();

/** Finds what a `$ref` of the definitions points at. */
export function resolveSchema(ref: string): Schema | undefined {
  return definitions.get(ref.startsWith(REF_PREFIX) ? ref.slice(REF_PREFIX.length) : ref);
}
