import { type CriClient, CriError, type PodSandboxStatsOutput } from '@kubelab/cri';

/** The calls used here. */
export type PodStatsSource = Pick<CriClient, 'listPodSandboxStats' | 'listPodSandbox' | 'podSandboxStats'>;

/**
 * Statistics of the pods that run. containerd 1.6 answers for all at once or, when one sandbox has just ended, not at
 * all; then each is asked about by itself, and what is gone is left out. Throws when the runtime answers for none.
 */
export async function readPodStats(cri: PodStatsSource): Promise<PodSandboxStatsOutput[]> {
  try {
    return (await cri.listPodSandboxStats({})).stats;
  } catch (error) {
    if (error instanceof CriError && error.code === 'UNAVAILABLE') throw error;
    const { items } = await cri.listPodSandbox({ filter: { state: { state: 'SANDBOX_READY' } } });
    const answers = await Promise.allSettled(items.map(({ id }) => cri.podSandboxStats({ pod_sandbox_id: id })));
    const stats = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.stats] : []));
    if (items.length > 0 && stats.length === 0) throw error;
    return stats.filter((one) => one !== null);
  }
}
