import type { V1Taint, V1Toleration } from '@kubelab/api';

/** Whether one of the tolerations covers the taint (core/v1 Toleration.ToleratesTaint). */
export function tolerates(tolerations: V1Toleration[] | undefined, taint: V1Taint): boolean {
  return (tolerations ?? []).some((toleration) => {
    if (toleration.effect && toleration.effect !== taint.effect) {
      return false;
    }
    if (toleration.key && toleration.key !== taint.key) {
      return false;
    }
    // No key with Exists matches every taint.
    return toleration.operator === 'Exists' || (!!toleration.key && (toleration.value ?? '') === (taint.value ?? ''));
  });
}
