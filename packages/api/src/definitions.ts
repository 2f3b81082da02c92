import { readFileSync } from 'node:fs';
import type { Schema } from '@kubelab/apimachinery';

const REF_PREFIX = '#/components/schemas/';

/** Schemas by Kubernetes' OpenAPI names (`io.k8s.api.core.v1.Pod`), generated and completed by the overlay. */
export const definitions = new Map<string, Schema>(
  Object.entries(
    JSON.parse(readFileSync(new URL('../generated/definitions.json', import.meta.url), 'utf8')) as Record<
      string,
      Schema
    >,
  ),
);

/** Finds what a `$ref` of the definitions points at. */
export function resolveSchema(ref: string): Schema | undefined {
  return definitions.get(ref.startsWith(REF_PREFIX) ? ref.slice(REF_PREFIX.length) : ref);
}
