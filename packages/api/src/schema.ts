import type { Schema } from '@kubelab/apimachinery';
import { resolveSchema } from './definitions.js';
import { resources } from './groups/index.js';
import { type ResourceTable, versionOf } from './table.js';

/** The schema of a kind in one version, built in or from a CRD. */
export function schemaFor(
  group: string,
  version: string,
  kind: string,
  table: ResourceTable = resources,
): Schema | undefined {
  const entry = table.byKind(group, version, kind);
  const served = entry && versionOf(entry, version);
  return served && (served.schema ?? resolveSchema(served.schemaName));
}
