import { setMaxListeners } from 'node:events';
import { type Client, type ClientConfig, EventRecorder, InformerFactory } from '@kubelab/client';
import type { Logger, Registry } from '@kubelab/component-base';
import type { Controller, ControllerDescriptor } from '../framework/controller.js';
import type { ManagerOptions } from '../framework/options.js';
import { ServiceAccountClients } from './credentials.js';

export interface RunOptions {
  descriptors: ControllerDescriptor[];
  config: ClientConfig;
  client: Client;
  /** Each controller with its own service account. */
  ownAccounts: boolean;
  options: ManagerOptions;
  logger: Logger;
  metrics: Registry;
}

/** Runs the controllers until `signal` aborts; resolves when the work in flight is done. */
export async function runControllers(run: RunOptions, signal: AbortSignal): Promise<void> {
  const { client, logger } = run;
  // Every queue, cache and timer of every controller listens to it.
  setMaxListeners(0, signal);
  const accounts = run.ownAccounts ? new ServiceAccountClients(run.config, client, logger, signal) : undefined;
  try {
    const informers = new InformerFactory(client, { logger });
    const controllers: { name: string; controller: Controller }[] = [];
    for (const descriptor of run.descriptors) {
      const { name } = descriptor;
      const own =
        accounts && !descriptor.rootCredentials ? await accounts.client(descriptor.serviceAccount ?? name) : client;
      const controller = await descriptor.create({
        client: own,
        informers,
        recorder: new EventRecorder(own, { component: eventSource(descriptor) }),
        logger: logger.child({ controller: name }),
        metrics: run.metrics,
        options: run.options,
      });
      controller?.attachMetrics?.(run.metrics);
      if (controller) controllers.push({ name, controller });
      else logger.info('Controller has nothing to do with these options', { controller: name });
    }
    informers.start(signal);
    logger.info('Controllers started', { controllers: controllers.map(({ name }) => name).join(',') });
    await Promise.all(
      controllers.map(async ({ name, controller }) => {
        try {
          await controller.run(signal);
        } catch (error) {
          // Controllers catch what single objects cause; what arrives here is a bug in one and must not stop the others.
          if (!signal.aborted) logger.error('Controller ended with an error', { controller: name, error });
        }
      }),
    );
  } finally {
    accounts?.close();
  }
}

/** The `source.component` of events, as `kubectl describe` shows it. */
function eventSource(descriptor: ControllerDescriptor): string {
  return descriptor.eventSource ?? descriptor.serviceAccount ?? descriptor.name;
}
