import type { V1Taint, V1Toleration } from '@kubelab/api';

/** Whether the toleration bears the taint (v1helper ToleratesTaint). */
export function tolerates(toleration: V1Toleration, taint: V1Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  // Without a key only Exists makes sense; Equal compares values.
  return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
}

/**
 * When a pod with these tolerations must leave a node with these NoExecute taints: `now`, `never`, or milliseconds after
 * it was tainted. The shortest of the tolerations in use counts.
 */
export function evictionDelayMs(taints: V1Taint[], tolerations: V1Toleration[]): 'now' | 'never' | number {
  if (taints.length === 0) return 'never';
  const used: V1Toleration[] = [];
  for (const taint of taints) {
    const bearing = tolerations.filter((toleration) => tolerates(toleration, taint));
    if (bearing.length === 0) return 'now';
    used.push(...bearing);
  }
  const limits = used.flatMap(({ tolerationSeconds }) => (tolerationSeconds === undefined ? [] : [tolerationSeconds]));
  if (limits.length === 0) return 'never';
  const seconds = Math.min(...limits);
  return seconds <= 0 ? 'now' : seconds * 1000;
}
