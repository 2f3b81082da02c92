import type { V1Pod, V1PodCondition } from '@kubelab/api';
import { isNotFound, nowSecond } from '@kubelab/apimachinery';
import { type Client, gvr } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';

/** Writes what the scheduler has to say into pods' status. */
export class PodStatusWriter {
  constructor(
    private readonly client: Client,
    private readonly logger: Logger,
  ) {}

  /**
   * Sets PodScheduled=False and, if given, nominatedNodeName (null removes it). Writes only what differs from the pod
   * as known; a pod that is gone is no error.
   */
  async unscheduled(pod: V1Pod, reason: string, message: string, nominated: string | null | undefined): Promise<void> {
    const old = pod.status?.conditions?.find((c) => c.type === 'PodScheduled');
    const same = old?.status === 'False' && old.reason === reason && old.message === message;
    const nominatedSame = nominated === undefined || (pod.status?.nominatedNodeName ?? null) === nominated;
    if (same && nominatedSame) return;
    const condition: V1PodCondition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastTransitionTime: old?.status === 'False' && old.lastTransitionTime ? old.lastTransitionTime : nowSecond(),
    };
    await this.patch(pod, {
      ...(same ? {} : { conditions: [condition] }),
      ...(nominatedSame ? {} : { nominatedNodeName: nominated }),
    });
  }

  async clearNomination(pod: V1Pod): Promise<void> {
    if (pod.status?.nominatedNodeName) await this.patch(pod, { nominatedNodeName: null });
  }

  /** Marks a pod as about to be preempted (KEP-3329). */
  async disruptionTarget(pod: V1Pod, schedulerName: string): Promise<void> {
    await this.patch(pod, {
      conditions: [
        {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'PreemptionByScheduler',
          message: `${schedulerName}: preempting to accommodate a higher priority pod`,
          lastTransitionTime: nowSecond(),
        },
      ],
    });
  }

  private async patch(pod: V1Pod, status: object): Promise<void> {
    const { name = '', namespace = '', uid } = pod.metadata ?? {};
    try {
      // The uid makes sure that it is this pod and not a later one of the same name.
      const body = { metadata: { uid }, status };
      await this.client
        .resource(gvr.pods)
        .namespace(namespace)
        .patch(name, body, { type: 'strategic', subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error)) this.logger.warn('Pod status not written', { pod: `${namespace}/${name}`, error });
    }
  }
}
