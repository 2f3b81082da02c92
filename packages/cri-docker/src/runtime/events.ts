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

/** Changes of containers and sandboxes from now on, each with the state of its pod after it. Ends with the signal. */
export async function* containerEvents(
  context: RuntimeContext,
  signal: AbortSignal,
): AsyncGenerator<ContainerEventResponse> {
  const queue: ContainerEvent[] = [];
  let wake: (() => void) | undefined;
  const unsubscribe = context.events.subscribe((event) => {
    queue.push(event);
    wake?.();
  });
  const onAbort = () => wake?.();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal.aborted) {
      const event = queue.shift();
      if (event) {
        const type = eventTypes[event.action];
        if (type) yield await describe(context, event, type);
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (queue.length > 0 || signal.aborted) resolve();
      });
    }
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', onAbort);
  }
}

async function describe(
  context: RuntimeContext,
  event: ContainerEvent,
  type: ContainerEventType,
): Promise<ContainerEventResponse> {
  const sandboxId = event.labels[labelKeys.sandboxId] ?? event.id;
  const response: ContainerEventResponse = {
    container_id: event.id,
    container_event_type: type,
    created_at: event.timeNano,
  };
  try {
    const { info, record } = await inspectSandbox(context, sandboxId);
    response.pod_sandbox_status = await statusOf(context, info, record);
    response.containers_statuses = await statusesOf(context, sandboxId);
  } catch (error) {
    // The pod is gone by now: the event alone says so.
    context.logger.debug('Event of a sandbox that is gone', { sandbox: sandboxId, error });
  }
  return response;
}
