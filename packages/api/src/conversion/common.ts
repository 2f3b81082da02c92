import type { KubeObject } from '@kubelab/apimachinery';
import type { ResourceVersion } from '../resource.js';

/** An old version whose objects look like the stored ones: only apiVersion differs, which the server sets. */
export function sameShape(
  typesPackage: string,
  version: string,
  kind: string,
  o: { warning?: string } = {},
): ResourceVersion {
  return {
    version,
    schemaName: `${typesPackage}.${version}.${kind}`,
    ...(o.warning ? { deprecationWarning: o.warning } : {}),
  };
}

/** An old version with a shape of its own. The functions get private copies of the object's top two levels. */
export function converted<Old, Stored>(
  typesPackage: string,
  version: string,
  kind: string,
  convert: { toStorage(old: Old): Stored; fromStorage(stored: Stored): Old; warning?: string },
): ResourceVersion {
  return {
    version,
    schemaName: `${typesPackage}.${version}.${kind}`,
    // Conversion functions are written on the kinds' own types; the table holds plain JSON of any kind.
    toStorage: (obj) => convert.toStorage(obj as unknown as Old) as unknown as KubeObject,
    fromStorage: (obj) => convert.fromStorage(obj as unknown as Stored) as unknown as KubeObject,
    ...(convert.warning ? { deprecationWarning: convert.warning } : {}),
  };
}
