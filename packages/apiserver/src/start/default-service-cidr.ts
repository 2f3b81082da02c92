import { deepEqual, isAlreadyExists, isConflict, type KubeObject, nowSecond } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import type { EventRecorder } from '../event-recorder.js';
import type { ObjectAccess } from '../object-access.js';
import { defaultServiceCidr, serviceCidrs } from '../service-allocation/ip-address.js';

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

/**
 * Keeps the ServiceCIDR `kubernetes`, whose ranges are those of --service-cluster-ip-range. One that is there with
 * other ranges is left alone (a second family may be added), and told of, as in Kubernetes.
 */
export class DefaultServiceCidr {
  private readonly told = new Set<string>();

  constructor(
    private readonly objects: ObjectAccess,
    private readonly cidrs: string[],
    private readonly events: EventRecorder,
    private readonly logger: Logger,
  ) {}

  /** Runs one round; errors are thrown for the caller to retry. */
  async reconcile(): Promise<void> {
    const current = await this.objects.get(serviceCidrs, '', defaultServiceCidr, { consistent: true });
    try {
      if (!current) {
        await this.create();
        return;
      }
      const cidrs = (current.spec as { cidrs?: string[] } | undefined)?.cidrs ?? [];
      if (this.cidrs.length === 2 && cidrs.length === 1 && cidrs[0] === this.cidrs[0]) {
        await this.objects.update(serviceCidrs, { ...current, spec: { cidrs: this.cidrs } });
        this.logger.info('The default ServiceCIDR became dual-stack', { cidrs: this.cidrs });
      } else if (current.metadata.deletionTimestamp === undefined) {
        await this.checkStatus(current, cidrs);
      }
    } catch (error) {
      // Another server wrote a moment ago; the next round looks again.
      if (!isConflict(error) && !isAlreadyExists(error)) {
        throw error;
      }
    }
  }

  private async create(): Promise<void> {
    await this.objects.create(serviceCidrs, {
      kind: 'ServiceCIDR',
      apiVersion: 'networking.k8s.io/v1',
      metadata: { name: defaultServiceCidr },
      spec: { cidrs: this.cidrs },
      status: { conditions: [readyCondition()] },
    });
    this.logger.info('Created the default ServiceCIDR', { cidrs: this.cidrs });
  }

  private async checkStatus(current: KubeObject, cidrs: string[]): Promise<void> {
    if (!deepEqual(cidrs, this.cidrs)) {
      const list = (texts: string[]) => `[${texts.join(' ')}]`;
      const message = `The default ServiceCIDR ${list(cidrs)} does not match the controller flag configurations ${list(this.cidrs)}`;
      await this.tell(current, 'KubernetesDefaultServiceCIDRInconsistent', message);
      return;
    }
    const conditions = (current.status as { conditions?: Condition[] } | undefined)?.conditions ?? [];
    const ready = conditions.find(({ type }) => type === 'Ready');
    if (ready?.status === 'False') {
      const message = `Configuration matches, but ${ready.message ?? ''}`;
      await this.tell(current, ready.reason || 'NotReady', message);
    } else if (ready?.status !== 'True') {
      const others = conditions.filter((condition) => condition !== ready);
      await this.objects.update(serviceCidrs, { ...current, status: { conditions: [...others, readyCondition()] } });
    }
  }

  /** Says a thing once in this server's life. */
  private async tell(about: KubeObject, reason: string, note: string): Promise<void> {
    if (!this.told.has(reason)) {
      this.told.add(reason);
      await this.events.warn(about, { reason, action: '', note });
    }
  }
}

function readyCondition(): object {
  return {
    type: 'Ready',
    status: 'True',
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
    lastTransitionTime: nowSecond(),
  };
}
