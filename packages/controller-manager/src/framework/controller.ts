import type { Client, EventRecorder, InformerFactory } from '@kubelab/client';
import type { Logger, Registry } from '@kubelab/component-base';
import type { ManagerOptions } from './options.js';

/** A running controller: `run` resolves after `signal` aborted and the work in flight is done. */
export interface Controller {
  run(signal: AbortSignal): Promise<void>;
  /** Reports numbers of its work to a registry. */
  attachMetrics?(registry: Registry): void;
}

/** What a controller is made from. Informers are shared by all controllers of the process. */
export interface ControllerContext {
  /** With the controller's own service account when `--use-service-account-credentials` is set. */
  client: Client;
  informers: InformerFactory;
  recorder: EventRecorder;
  logger: Logger;
  metrics: Registry;
  options: ManagerOptions;
}

/** A row of the controller table. */
export interface ControllerDescriptor {
  /** As Kubernetes names it in `--controllers` since 1.28: `deployment-controller`. */
  name: string;
  /** Short names of older releases: `deployment`. */
  aliases: string[];
  /** Service account in kube-system, when it is not the name itself. */
  serviceAccount?: string;
  /** Uses the manager's own credentials even when the others have service accounts: it makes those usable. */
  rootCredentials?: boolean;
  /** Component that its events name as their source, when it is not the service account. */
  eventSource?: string;
  /** Only runs when `--controllers` names it. */
  disabledByDefault?: boolean;
  /** Returns undefined when the options give it nothing to do (no CA to publish, no CIDR to allocate). */
  create(context: ControllerContext): Controller | undefined | Promise<Controller | undefined>;
}
