import { fnv32a, safeEncodeString } from '@kubelab/apimachinery';
import { canonicalText } from './canonical.js';

/** Hash of a pod template and a collision count, safe in names and labels (`pod-template-hash`). Stable over restarts. */
export function templateHash(template: unknown, collisionCount: number | undefined): string {
  const suffix = collisionCount ? `#${collisionCount}` : '';
  return safeEncodeString(String(fnv32a(canonicalText(template) + suffix)));
}
