import type { V1Node, V1Taint, V1Toleration } from '@kubelab/api';

/** Whether a toleration tolerates a taint (core/v1 Toleration.ToleratesTaint). */
export function tolerates(t: V1Toleration, taint: V1Taint): boolean {
  if (t.effect && t.effect !== taint.effect) return false;
  if (t.key && t.key !== taint.key) return false;
  switch (t.operator ?? 'Equal') {
    case '':
    case 'Equal':
      return (t.value ?? '') === (taint.value ?? '') && Boolean(t.key);
    case 'Exists':
      return true;
    default:
      return false;
  }
}

/** The first taint of these effects that nothing tolerates. */
export function untoleratedTaint(
  taints: readonly V1Taint[] | undefined,
  tolerations: readonly V1Toleration[] | undefined,
  effects: (effect: string) => boolean,
): V1Taint | undefined {
  return taints?.find((taint) => effects(taint.effect) && !tolerations?.some((t) => tolerates(t, taint)));
}

/** Taints that keep a pod from being put on a node. */
export const blocksScheduling = (effect: string): boolean => effect === 'NoSchedule' || effect === 'NoExecute';

export const taintsOf = (node: V1Node | undefined): readonly V1Taint[] | undefined => node?.spec?.taints;
