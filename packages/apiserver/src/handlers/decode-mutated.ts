import { type ResourceTable, resolveSchema, versionOf } from '@kubelab/api';
import { decodeStrict, type KubeObject, newInternalError, parseGroupVersion } from '@kubelab/apimachinery';
import { decodeCustomResource } from '../apiextensions/index.js';

/**
 * Treats an object that a webhook made as one that a client sent: types are checked, unknown fields dropped and defaults
 * set, in the object's own version and in place. @throws StatusError InternalError for a field of the wrong type
 */
export function decodeMutated(table: ResourceTable, object: KubeObject): void {
  const { group, version } = parseGroupVersion(object.apiVersion);
  const entry = table.byKind(group, version, object.kind);
  const served = entry && versionOf(entry, version);
  if (!entry || !served) return;
  const schema = served.schema ?? resolveSchema(served.schemaName);
  if (schema) {
    const { typeErrors } = served.schema
      ? decodeCustomResource(object, schema)
      : decodeStrict(object, schema, resolveSchema, { normalize: true });
    if (typeErrors[0]) throw newInternalError(new Error(typeErrors[0]));
  }
  entry.defaults?.(object, version);
}
