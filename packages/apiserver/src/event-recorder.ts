import { hostname } from 'node:os';
import { type KubeObject, newUid } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import type { ObjectAccess } from './object-access.js';

const events = { group: '', resource: 'events' };

export interface Warning {
  reason: string;
  /** What was tried when it happened. */
  action: string;
  note: string;
}

/** So many different warnings are remembered, to count those that come again. */
const rememberedWarnings = 1000;

/** Writes warnings of the server's own controllers as Events. What can't be written is logged, and nothing more. */
export class EventRecorder {
  /** The event of a warning that was given, by what it says. */
  private readonly given = new Map<string, { namespace: string; name: string }>();

  /** @param controller who tells, `ipallocator-repair-controller` for example */
  constructor(
    private readonly objects: ObjectAccess,
    private readonly controller: string,
    private readonly logger: Logger,
  ) {}

  async warn(about: KubeObject, warning: Warning): Promise<void> {
    this.logger.warn(warning.note, {
      kind: about.kind,
      namespace: about.metadata.namespace,
      name: about.metadata.name,
    });
    const key = JSON.stringify([about.metadata.uid, warning.reason, warning.note]);
    try {
      if (!(await this.countAgain(key))) {
        const { metadata } = await this.objects.create(events, this.newEvent(about, warning));
        this.remember(key, { namespace: metadata.namespace ?? '', name: metadata.name ?? '' });
      }
    } catch (error) {
      this.logger.warn('Could not write an event', { error, reason: warning.reason });
    }
  }

  /** A warning that is given again is one event with a series. Resolves to false when there is none to count on. */
  private async countAgain(key: string): Promise<boolean> {
    const known = this.given.get(key);
    const event = known && (await this.objects.get(events, known.namespace, known.name, { consistent: true }));
    if (!event) {
      return false;
    }
    const { count = 1 } = (event.series ?? {}) as { count?: number };
    const series = { count: count + 1, lastObservedTime: microTime(new Date()) };
    await this.objects.update(events, { ...event, series });
    return true;
  }

  private remember(key: string, event: { namespace: string; name: string }): void {
    const [oldest] = this.given.keys();
    if (this.given.size >= rememberedWarnings && oldest !== undefined) {
      this.given.delete(oldest);
    }
    this.given.set(key, event);
  }

  private newEvent(about: KubeObject, { reason, action, note }: Warning): KubeObject {
    const { name = '', namespace, uid, resourceVersion } = about.metadata;
    return {
      kind: 'Event',
      apiVersion: 'v1',
      metadata: { name: `${name}.${newUid().replaceAll('-', '').slice(0, 16)}`, namespace: namespace || 'default' },
      involvedObject: { kind: about.kind, namespace, name, uid, apiVersion: about.apiVersion, resourceVersion },
      reason,
      message: note,
      source: {},
      firstTimestamp: null,
      lastTimestamp: null,
      type: 'Warning',
      eventTime: microTime(new Date()),
      action,
      reportingComponent: this.controller,
      reportingInstance: `${this.controller}-${hostname()}`,
    };
  }
}

/** A time with microseconds, as events have it. */
function microTime(at: Date): string {
  return at.toISOString().replace('Z', '000Z');
}
