import { resolveSchema } from '@kubelab/api';
import { type DecodeResult, decodeStrict, type KubeObject, prune, type Schema } from '@kubelab/apimachinery';

const objectMeta: Schema = { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' };

/**
 * Checks and prunes a custom object: its metadata as that of every kind, the rest by its definition's schema, where
 * wrong types are for validation to report.
 */
export function decodeCustomResource(
  object: KubeObject,
  schema: Schema,
  o: { keepEmpty?: boolean } = {},
): DecodeResult {
  const meta = decodeStrict(
    { metadata: object.metadata },
    { type: 'object', properties: { metadata: objectMeta } },
    resolveSchema,
    { ...o, normalize: true },
  );
  const dropped = prune(object, schema, resolveSchema).map((path) => `unknown field ${JSON.stringify(path)}`);
  return { unknownFields: [...meta.unknownFields, ...dropped], typeErrors: meta.typeErrors };
}
