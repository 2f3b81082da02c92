import { allContainers } from '../container/list.js';
import type { RuntimeContext } from '../context.js';
import type { ContainerEvent } from '../docker/events.js';
import { decodeSandbox, labelKeys } from '../labels.js';
import { tearDownNetwork, usesHostNetwork } from '../sandbox/network.js';

/**
 * Keeps logs and network in step with what happens in Docker, whoever caused it: takes up what is there now, then
 * follows events, and looks again at everything when events may have been missed.
 */
export async function followDocker(context: RuntimeContext): Promise<void> {
  await takeUpLogs(context);
  const report = (what: string, id: string) => (error: unknown) => context.logger.error(what, { container: id, error });
  context.events.subscribe((event) => {
    if (event.action === 'die') context.logs.finish(event.id).catch(report('Log could not be ended', event.id));
    if (event.action !== 'destroy') return;
    context.logs.forget(event.id).catch(report('Log could not be ended', event.id));
    if (event.labels[labelKeys.type] === 'sandbox') {
      releaseNetwork(context, event).catch(report('Network could not be released', event.id));
    }
  });
  context.events.onReconnect(() => {
    takeUpLogs(context).catch((error: unknown) => context.logger.error('Logs could not be taken up again', { error }));
  });
}

async function takeUpLogs(context: RuntimeContext): Promise<void> {
  const containers = await allContainers(context);
  await context.logs.resume(
    containers
      .filter(({ state }) => state !== 'CONTAINER_CREATED')
      .map(({ id, record, state }) => ({ id, logPath: record.logPath, running: state === 'CONTAINER_RUNNING' })),
  );
}

/** A sandbox that somebody removed behind our back leaves its address and host ports behind. */
async function releaseNetwork(context: RuntimeContext, event: ContainerEvent): Promise<void> {
  const record = decodeSandbox(event.labels);
  if (!record || usesHostNetwork(record) || !(await context.networks.read(event.id))) return;
  context.logger.warn('Sandbox was removed by somebody else, releasing its network', { sandbox: event.id });
  await tearDownNetwork(context, event.id, record, 0);
}
