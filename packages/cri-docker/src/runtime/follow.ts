import { allContainers } from '../container/list.js';
import type { RuntimeContext } from '../context.js';
import type { ContainerEvent } from '../docker/events.js';
import { decodeSandbox, labelKeys } from '../labels.js';
import { allSandboxes } from '../sandbox/list.js';
import { tearDownNetwork, usesHostNetwork } from '../sandbox/network.js';
import { collectNetworkGarbage } from '../sandbox/network-garbage.js';

const garbageIntervalMs = 10 * 60_000;
const secondLookMs = 30_000;

/**
 * Keeps logs and network in step with what happens in Docker, whoever caused it: takes up what is there now, then
 * follows events, and looks again at everything when events may have been missed.
 */
export async function followDocker(context: RuntimeContext): Promise<void> {
  await context.readOnlyStages.sweep();
  await takeUpLogs(context);
  await takeUpOom(context);
  const collect = () =>
    collectNetworkGarbage(context).catch((error: unknown) =>
      context.logger.error('Looking for what is left of sandboxes failed', { error }),
    );
  await collect();
  // Once more soon: a plugin that outlived the process that ran it may have reserved an address meanwhile.
  setTimeout(collect, secondLookMs).unref();
  setInterval(collect, garbageIntervalMs).unref();
  const report = (what: string, id: string) => (error: unknown) => context.logger.error(what, { container: id, error });
  context.events.subscribe((event) => {
    if (event.action === 'die') context.logs.finish(event.id).catch(report('Log could not be ended', event.id));
    if (event.action !== 'destroy') return;
    context.logs.forget(event.id).catch(report('Log could not be ended', event.id));
    if (event.labels[labelKeys.type] === 'sandbox') {
      releaseNetwork(context, event).catch(report('Network could not be released', event.id));
      context.networkFiles.remove(event.id).catch(report('Files could not be removed', event.id));
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

/** Containers that end from now on may run out of memory; what was before is not known, but for the marks. */
async function takeUpOom(context: RuntimeContext): Promise<void> {
  const [containers, sandboxes] = await Promise.all([allContainers(context), allSandboxes(context)]);
  const parents = new Map(sandboxes.map(({ id, record }) => [id, record.cgroupParent]));
  context.oom.keepOnly(containers.map(({ id }) => id));
  for (const { id, sandboxId, state } of containers) {
    if (state === 'CONTAINER_RUNNING') context.oom.watch(id, parents.get(sandboxId));
  }
}

/** A sandbox that somebody removed behind our back leaves its address and host ports behind. */
async function releaseNetwork(context: RuntimeContext, event: ContainerEvent): Promise<void> {
  const record = decodeSandbox(event.labels);
  if (!record || usesHostNetwork(record) || !(await context.networks.read(event.id))) return;
  context.logger.warn('Sandbox was removed by somebody else, releasing its network', { sandbox: event.id });
  await tearDownNetwork(context, event.id, record, 0);
}
