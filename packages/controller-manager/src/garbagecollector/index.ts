import { delay, gvr, InformerFactory, WorkQueue } from '@kubelab/client';
import { discoverResources, KindMapper, type ServedResource } from '../discovery/index.js';
import type { Controller, ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { Live } from '../framework/live.js';
import { Collector } from './collect.js';
import { OwnershipGraph } from './graph.js';
import { type MetadataObject, OwnerReader } from './owners.js';

const resyncPeriodMs = 30_000;
const syncPollMs = 50;
/** After a change of the CRDs the server needs a moment to publish them. */
const crdSettleMs = 200;
/** Too many and too short-lived to be worth collecting; they own nothing and expire by themselves. */
const ignored = new Set(['/events', 'events.k8s.io/events']);

type Object = Live<MetadataObject>;

interface Monitor {
  resource: ServedResource;
  stop: AbortController;
  synced(): boolean;
}

/** Deletes objects whose owners are gone, for every kind the server has, CRDs included. */
export const garbageCollectorController: ControllerDescriptor = {
  name: 'garbage-collector-controller',
  aliases: ['garbagecollector'],
  serviceAccount: 'generic-garbage-collector',
  create: (context) => new GarbageCollector(context),
};

class GarbageCollector implements Controller {
  private readonly deleteQueue = new WorkQueue<string>();
  private readonly orphanQueue = new WorkQueue<string>();
  private readonly graph = new OwnershipGraph({
    attemptToDelete: (uid) => this.deleteQueue.add(uid),
    attemptToOrphan: (uid) => this.orphanQueue.add(uid),
  });
  private readonly kinds: KindMapper;
  private readonly owners: OwnerReader;
  private readonly collector: Collector;
  private readonly monitors = new Map<string, Monitor>();
  private wake = new AbortController();

  constructor(private readonly context: ControllerContext) {
    this.kinds = new KindMapper(context.client);
    this.owners = new OwnerReader(context.client, this.kinds);
    this.collector = new Collector(this.graph, this.owners, context.logger, (uid) => this.deleteQueue.add(uid));
    const crds = context.informers.informer<Live<{ spec?: object }>>(gvr.customresourcedefinitions);
    const wake = (): void => this.wake.abort();
    crds.addEventHandler({ add: wake, update: wake, delete: wake });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.context;
    const resync = this.keepMonitors(signal);
    await this.allSynced(signal);
    const { concurrentSyncs: workers } = this.context.options;
    const queueOptions = { workers: workers * 2, logger, signal };
    await Promise.all([
      resync,
      this.deleteQueue.run({ ...queueOptions, reconcile: (uid) => this.collector.attemptDelete(uid) }),
      this.orphanQueue.run({ ...queueOptions, reconcile: (uid) => this.collector.attemptOrphan(uid) }),
    ]);
    for (const monitor of this.monitors.values()) monitor.stop.abort();
  }

  /** Follows discovery: a monitor for each deletable kind, none for kinds that are gone. */
  private async keepMonitors(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.wake = new AbortController();
      try {
        await this.syncMonitors(signal);
      } catch (error) {
        if (!signal.aborted) this.context.logger.warn('Discovery for garbage collection failed', { error });
      }
      await delay(resyncPeriodMs, AbortSignal.any([signal, this.wake.signal]));
      if (this.wake.signal.aborted) await delay(crdSettleMs, signal);
    }
  }

  private async syncMonitors(signal: AbortSignal): Promise<void> {
    const discovery = await discoverResources(this.context.client);
    this.kinds.replace(discovery);
    const { resources, failed } = discovery;
    const wanted = new Map<string, ServedResource>();
    for (const resource of resources) {
      const deletable = ['delete', 'list', 'watch'].every((verb) => resource.verbs.includes(verb));
      if (deletable && !ignored.has(`${resource.group}/${resource.resource}`))
        wanted.set(monitorKey(resource), resource);
    }
    for (const [key, monitor] of this.monitors) {
      const { group, version, kind } = monitor.resource;
      const groupVersion = group ? `${group}/${version}` : version;
      if (wanted.has(key) || failed.has(groupVersion)) continue;
      monitor.stop.abort();
      this.monitors.delete(key);
      this.graph.removeKind(groupVersion, kind);
    }
    for (const [key, resource] of wanted) {
      if (!this.monitors.has(key)) this.monitors.set(key, this.startMonitor(resource, signal));
    }
  }

  private startMonitor(resource: ServedResource, signal: AbortSignal): Monitor {
    const stop = new AbortController();
    const apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version;
    const observe = (object: Object): void => {
      this.graph.observe({ apiVersion, kind: resource.kind, metadata: object.metadata });
    };
    const factory = new InformerFactory(this.context.client, { logger: this.context.logger });
    const informer = factory.informer<Object>(resource, { transform: metadataOnly });
    informer.addEventHandler({
      add: observe,
      update: (_, object) => observe(object),
      delete: (object) => {
        this.owners.rememberAbsent(object.metadata.uid);
        this.graph.remove(object.metadata.uid);
      },
    });
    factory.start(AbortSignal.any([signal, stop.signal]));
    return { resource, stop, synced: () => informer.hasSynced() };
  }

  /** The workers start when the graph is whole: a half-known graph would let owners go before their dependents. */
  private async allSynced(signal: AbortSignal): Promise<void> {
    const deadline = Date.now() + resyncPeriodMs;
    while (!signal.aborted) {
      const complete = this.monitors.size > 0 && [...this.monitors.values()].every((monitor) => monitor.synced());
      // One kind that cannot be listed must not stop collection for good; live reads keep it safe.
      if (complete || (this.monitors.size > 0 && Date.now() > deadline)) return;
      await delay(syncPollMs, signal);
    }
  }
}

/** The graph needs no more of an object; the caches of all kinds together would be the whole cluster. */
function metadataOnly({ apiVersion, kind, metadata }: Object): Object {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, finalizers, ownerReferences } =
    metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      creationTimestamp,
      deletionTimestamp,
      finalizers,
      ownerReferences,
    },
  };
}

function monitorKey({ group, version, resource }: ServedResource): string {
  return `${group}/${version}/${resource}`;
}
