import type { V1Ingress } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import { byAge, type Complain, compile, type Sources } from './compile.js';
import { type Nginx, NginxConfigError } from './nginx.js';

export interface ControllerOptions {
  nginx: Nginx;
  sources: Sources;
  /** The Ingresses that are ours. */
  ingresses(): V1Ingress[];
  /** Tells the owner of an Ingress what of it is not served. */
  complain: Complain;
  /** Loading a configuration starts new workers, while old ones may have long connections: not more often than this. */
  reloadMs: number;
  logger: Logger;
}

/** Keeps nginx at what the Ingresses say: endpoints at once, other changes gathered. */
export class Controller {
  private reloadedAt = Number.NEGATIVE_INFINITY;
  /** What nginx refused, by `namespace/name`: the version of the object, which is left out until it changes. */
  private readonly refused = new Map<string, string>();

  constructor(private readonly o: ControllerOptions) {}

  /** One look at the whole. Resolves with the milliseconds after which another is due, 0 if all is in force. */
  async reconcile(): Promise<number> {
    const { nginx, logger, sources, complain } = this.o;
    const all = this.o.ingresses();
    const list = all.filter((i) => this.refused.get(keyOf(i)) !== versionOf(i));
    const model = compile(list, sources, complain);
    if (await nginx.tell(model)) logger.debug('nginx knows other endpoints', { upstreams: model.upstreams.length });
    if (!nginx.isOther(model)) return 0;
    const wait = this.reloadedAt + this.o.reloadMs - performance.now();
    if (wait > 0) return wait;
    this.reloadedAt = performance.now();
    try {
      await nginx.apply(model);
    } catch (error) {
      if (!(error instanceof NginxConfigError)) throw error;
      await this.leaveOut(list, error);
      return 1;
    }
    logger.info('nginx serves a new configuration', { ingresses: list.length, upstreams: model.upstreams.length });
    return 0;
  }

  /** Finds the oldest Ingress with which nginx refuses the configuration; the others are served without it. */
  private async leaveOut(list: V1Ingress[], error: NginxConfigError): Promise<void> {
    const { nginx, sources, complain, logger } = this.o;
    const sorted = byAge(list);
    const isAccepted = (count: number) => nginx.accepts(compile(sorted.slice(0, count), sources, () => undefined));
    let [good, bad] = [0, sorted.length];
    // Without any it is not an Ingress that is wrong.
    if (!(await isAccepted(0))) throw error;
    while (bad - good > 1) {
      const middle = (good + bad) >> 1;
      if (await isAccepted(middle)) good = middle;
      else bad = middle;
    }
    const culprit = sorted[good];
    if (!culprit) throw error;
    this.refused.set(keyOf(culprit), versionOf(culprit));
    this.reloadedAt = Number.NEGATIVE_INFINITY;
    logger.error('nginx refuses an Ingress, which is left out', { ingress: keyOf(culprit), error });
    complain(culprit, `nginx refuses it: ${error.reason}`);
  }
}

function keyOf(i: V1Ingress): string {
  return `${i.metadata?.namespace}/${i.metadata?.name}`;
}

function versionOf(i: V1Ingress): string {
  return `${i.metadata?.uid} ${i.metadata?.generation}`;
}
