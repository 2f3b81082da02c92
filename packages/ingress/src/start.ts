import type {
  V1EndpointSlice,
  V1Ingress,
  V1IngressClass,
  V1IngressLoadBalancerIngress,
  V1Secret,
  V1Service,
} from '@kubelab/api';
import {
  type Client,
  EventRecorder,
  gvr,
  type Informer,
  InformerFactory,
  LeaderElector,
  WorkQueue,
} from '@kubelab/client';
import type { HealthRegistry, Logger, RunningComponent } from '@kubelab/component-base';
import { onlyCertificate } from './certificate.js';
import { controllerName, isServed } from './class.js';
import type { Sources } from './compile.js';
import { Complaints } from './complaints.js';
import { Controller } from './controller.js';
import { ExternalNames } from './external-names.js';
import { Nginx } from './nginx.js';
import type { NginxSettings } from './nginx-config.js';
import { StatusWriter, serviceAddresses } from './status.js';

export interface StartIngressOptions {
  client: Client;
  settings: NginxSettings;
  nginxBinary: string;
  /** Addresses to write into the status of Ingresses ... */
  publishAddresses: string[];
  /** ... or `namespace/name` of the Service whose addresses are written. */
  publishService: string | undefined;
  /** Of several controllers one writes status. */
  identity: string;
  leaseNamespace: string;
  health: HealthRegistry;
  logger: Logger;
  signal: AbortSignal;
}

const configKey = 'configuration';
/** Changes that come together are taken together. */
const gatherMs = 20;
const reloadMs = 1000;
const byService = 'service';

/** Starts the controller: nginx serves what the Ingresses of our class say, and their status says where. */
export async function startIngress(o: StartIngressOptions): Promise<RunningComponent> {
  const { client, logger, signal } = o;
  const nginx = new Nginx(o.settings, o.nginxBinary, logger);
  const recorder = new EventRecorder(client, { component: 'ingress-nginx', logger });
  const informers = new InformerFactory(client, { logger });
  const ingresses = informers.informer<V1Ingress>(gvr.ingresses);
  const classes = informers.informer<V1IngressClass>(gvr.ingressclasses);
  const services = informers.informer<V1Service>(gvr.services);
  const secrets = informers.informer<V1Secret>(gvr.secrets, {
    // A certificate may be in a secret of any type, but these are many and hold none.
    fieldSelector: 'type!=kubernetes.io/service-account-token,type!=helm.sh/release.v1',
    transform: onlyCertificate,
  });
  const slices = informers.informer<V1EndpointSlice>(gvr.endpointslices, {
    indexers: {
      [byService]: (s) => [`${s.metadata?.namespace}/${s.metadata?.labels?.['kubernetes.io/service-name'] ?? ''}`],
    },
  });
  const queue = new WorkQueue({ name: 'ingress' });
  const changed = () => queue.addAfter(configKey, gatherMs);
  const externalNames = new ExternalNames(changed, logger);
  const sources: Sources = {
    service: (namespace, name) => services.lister.get(namespace, name),
    slices: (namespace, name) => slices.lister.byIndex(byService, `${namespace}/${name}`),
    secret: (namespace, name) => secrets.lister.get(namespace, name),
    externalAddresses: (host) => externalNames.addresses(host),
  };
  for (const i of [ingresses, classes, services, secrets, slices] as Informer<unknown>[]) {
    i.addEventHandler({ add: changed, update: changed, delete: changed });
  }
  const complaints = new Complaints((ingress, message) =>
    recorder.event({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', ...ingress }, 'Warning', 'Rejected', message),
  );
  classes.addEventHandler({
    add: (c) => tellOfParameters(c),
    update: (old, c) => {
      if (old.metadata?.generation !== c.metadata?.generation) tellOfParameters(c);
    },
  });
  function tellOfParameters(c: V1IngressClass): void {
    if (c.spec?.controller !== controllerName || !c.spec.parameters) return;
    const object = { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', ...c };
    recorder.event(object, 'Warning', 'Rejected', 'parameters are not supported');
  }
  const served = () => ingresses.lister.list().filter((i) => isServed(i, classes.lister.list()));
  const controller = new Controller({ nginx, sources, ingresses: served, complain: complaints.add, reloadMs, logger });
  const statuses = new StatusWriter(client);
  let isConfigured = false;
  let isLeader = false;

  async function reconcile(): Promise<void> {
    externalNames.begin();
    complaints.begin();
    const waitMs = await controller.reconcile().finally(() => complaints.end());
    if (waitMs > 0) {
      queue.addAfter(configKey, waitMs);
      return;
    }
    isConfigured = true;
    const againMs = isLeader ? await statuses.write(served(), addresses()) : 0;
    if (againMs > 0) queue.addAfter(configKey, againMs);
  }

  function addresses(): V1IngressLoadBalancerIngress[] {
    if (!o.publishService) return o.publishAddresses.map((ip) => ({ ip }));
    const [namespace, name = ''] = o.publishService.split('/');
    return serviceAddresses(services.lister.get(namespace, name));
  }

  const elector = new LeaderElector({
    client,
    leaseName: 'ingress-nginx-leader',
    leaseNamespace: o.leaseNamespace,
    identity: o.identity,
    onStartedLeading: () => {
      isLeader = true;
      changed();
    },
    onStoppedLeading: () => {
      isLeader = false;
    },
    logger,
  });
  o.health.addCheck('nginx', () => {
    if (!nginx.isRunning) throw new Error('nginx does not run');
  }, ['healthz', 'livez']);
  o.health.addCheck('configuration', () => {
    if (!isConfigured) throw new Error('no configuration yet');
  }, ['readyz']);
  informers.start(signal);
  const working = informers.waitForSync(signal).then(
    () => {
      changed();
      return Promise.all([queue.run({ workers: 1, reconcile, logger, signal }), elector.run(signal)]);
    },
    (error: unknown) => {
      // Stopped before the caches were filled; anything else is for the caller.
      if (!signal.aborted) throw error;
    },
  );
  return {
    async stop() {
      await working;
      externalNames.stop();
      await nginx.stop();
    },
  };
}
