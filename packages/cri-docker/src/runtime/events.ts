import type { ContainerEventResponse, ContainerEventType } from '@kubelab/cri';
import { statusesOf } from '../container/status.js';
import type { RuntimeContext } from '../context.js';
import type { ContainerAction, ContainerEvent } from '../docker/events.js';
import { labelKeys } from '../labels.js';
import { inspectSandbox, statusOf } from '../sandbox/status.js';

const eventTypes: Partial<Record<ContainerAction, ContainerEventType>> = {
  create: 'CONTAINER_CREATED_EVENT',
  start: 'CONTAINER_STARTED_EVENT',
  die: 'CONTAINER_STOPPED_EVENT',
  destroy: 'CONTAINER_DELETED_EVENT',
};

type PodState = Pick<ContainerEventResponse, 'pod_sandbox_status' | 'containers_statuses'>;

/** Changes of containers and sandboxes from now on, each with the state of its pod after it. Ends with the signal. */
export async function* containerEvents(
  context: RuntimeContext,
  signal: AbortSignal,
): AsyncGenerator<ContainerEventResponse> {
  const ready: ContainerEventResponse[] = [];
  let wake: (() => void) | undefined;
  const described = new EventsByPod(
    (sandboxId) => podState(context, sandboxId),
    (response) => {
      ready.push(response);
      wake?.();
    },
  );
  const unsubscribe = context.events.subscribe((event) => described.add(event));
  const onAbort = () => wake?.();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal.aborted) {
      const response = ready.shift();
      if (response) {
        yield response;
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (ready.length > 0 || signal.aborted) resolve();
      });
    }
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Adds the state of its pod to each event. A pod that takes long does not hold up the others, and what happens in a pod
 * while its state is read is told with one further reading: of 30 pods that start at once none is late.
 */
export class EventsByPod {
  readonly #waiting = new Map<string, ContainerEvent[]>();

  constructor(
    /** Must not reject. */
    private readonly readState: (sandboxId: string) => Promise<PodState>,
    private readonly onResponse: (response: ContainerEventResponse) => void,
  ) {}

  add(event: ContainerEvent): void {
    if (!eventTypes[event.action]) return;
    const sandboxId = event.labels[labelKeys.sandboxId] ?? event.id;
    const waiting = this.#waiting.get(sandboxId);
    if (waiting) waiting.push(event);
    else {
      this.#waiting.set(sandboxId, [event]);
      void this.#describe(sandboxId);
    }
  }

  async #describe(sandboxId: string): Promise<void> {
    for (;;) {
      const events = this.#waiting.get(sandboxId)?.splice(0) ?? [];
      if (events.length === 0) break;
      const state = await this.readState(sandboxId);
      for (const { id, action, timeNano } of events) {
        const type = eventTypes[action];
        if (type) this.onResponse({ container_id: id, container_event_type: type, created_at: timeNano, ...state });
      }
    }
    this.#waiting.delete(sandboxId);
  }
}

async function podState(context: RuntimeContext, sandboxId: string): Promise<PodState> {
  try {
    const { info, record } = await inspectSandbox(context, sandboxId);
    const [status, containers] = await Promise.all([statusOf(context, info, record), statusesOf(context, sandboxId)]);
    return { pod_sandbox_status: status, containers_statuses: containers };
  } catch (error) {
    // The pod is gone by now: the event alone says so.
    context.logger.debug('Event of a sandbox that is gone', { sandbox: sandboxId, error });
    return {};
  }
}
