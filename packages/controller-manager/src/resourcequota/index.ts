import { inScope, type Quota, type Usage, usageOf, type V1ResourceQuota } from '@kubelab/api';
import { type KubeObject, Quantity, semanticEqual, splitObjectKey } from '@kubelab/apimachinery';
import { gvr, type Informer, InformerFactory, waitFor } from '@kubelab/client';
import type { Registry } from '@kubelab/component-base';
import { discoverResources, type ServedResource } from '../discovery/index.js';
import type { Controller, ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { ResourceQuota } from '../framework/kinds.js';
import { keyOf, type Live } from '../framework/live.js';
import { everyPeriod, Reconciler } from '../framework/reconciler.js';

const discoveryPeriodMs = 30_000;
const syncTimeoutMs = 60_000;
/** Kinds whose usage is more than their number: the cache needs the whole object. */
const detailed = new Set(['/pods', '/services', '/persistentvolumeclaims']);

type Counted = Live<{ spec?: unknown }>;

interface Source {
  resource: ServedResource;
  informer: Informer<Counted>;
  stop: AbortController | undefined;
}

/** Keeps the usage in the status of ResourceQuotas, for every kind that a quota in the cluster counts. */
export const resourceQuotaController: ControllerDescriptor = {
  name: 'resourcequota-controller',
  aliases: ['resourcequota'],
  create: (context) => new QuotaController(context),
};

class QuotaController implements Controller {
  private readonly quotas: Informer<ResourceQuota>;
  private readonly reconciler: Reconciler;
  private readonly sources = new Map<string, Source>();
  private resources: ServedResource[] = [];
  private signal: AbortSignal | undefined;

  constructor(private readonly context: ControllerContext) {
    const { informers, logger, options } = context;
    this.quotas = informers.informer<ResourceQuota>(gvr.resourcequotas);
    this.reconciler = new Reconciler({
      name: 'resourcequota-controller',
      logger,
      workers: options.concurrentSyncs,
      reconcile: (key, signal) => this.reconcile(key, signal),
    });
    this.reconciler.watch(this.quotas, (quota) => [keyOf(quota)]);
    for (const kind of ['pods', 'services', 'persistentvolumeclaims'] as const) {
      const informer = informers.informer<Counted>(gvr[kind]);
      this.reconciler.watch(informer, (object, old) =>
        old && !usageChanged(kind, old, object) ? [] : this.keysIn(object),
      );
    }
  }

  attachMetrics(registry: Registry): void {
    this.reconciler.attachMetrics(registry);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.signal = signal;
    const { logger, options } = this.context;
    await this.discover();
    const periodically = everyPeriod(discoveryPeriodMs, signal, logger, () => this.discover());
    const resync = everyPeriod(options.resourceQuotaSyncPeriodMs, signal, logger, async () => this.queueAll());
    await Promise.all([this.reconciler.run(signal), periodically, resync]);
  }

  private queueAll(): void {
    for (const quota of this.quotas.lister.list()) this.reconciler.queue.add(keyOf(quota));
  }

  /** Reads which kinds there are. Those that come may be counted by quotas that are there already. */
  private async discover(): Promise<void> {
    const known = new Set(this.resources.map(idOf));
    const { resources, failed } = await discoverResources(this.context.client);
    // The kinds of a group that cannot be read now are still there.
    const isAway = ({ group, version }: ServedResource) => failed.has(group ? `${group}/${version}` : version);
    this.resources = [...resources, ...this.resources.filter(isAway)];
    const now = new Set(this.resources.map(idOf));
    for (const [id, source] of this.sources) {
      if (now.has(id)) continue;
      source.stop?.abort();
      this.sources.delete(id);
    }
    if (now.size !== known.size || [...now].some((id) => !known.has(id))) this.queueAll();
  }

  private keysIn(object: Counted): string[] {
    return this.quotas.lister.list(object.metadata.namespace).map(keyOf);
  }

  private async reconcile(key: string, signal: AbortSignal): Promise<void> {
    const { namespace, name } = splitObjectKey(key);
    const quota = this.quotas.lister.get(namespace, name);
    if (!quota) return;
    const hard = quota.spec.hard ?? {};
    const used: Record<string, Quantity> = {};
    const sources = await this.sourcesFor(Object.keys(hard), signal);
    for (const name of Object.keys(hard)) {
      // Of a resource that is not known (yet), what admission charged is all there is to know; it has no usage of 0.
      const charged = quota.status?.used?.[name];
      if (sources.some(({ resource }) => isAbout(name, resource))) used[name] = Quantity.zero;
      else if (charged !== undefined) used[name] = Quantity.parse(charged);
    }
    for (const source of sources) {
      const gr = { group: source.resource.group, resource: source.resource.resource };
      for (const object of source.informer.lister.list(namespace)) {
        const counted = object as unknown as KubeObject;
        if (inScope(quota as unknown as Quota, gr, counted)) addUsage(used, usageOf(gr, counted));
      }
    }
    const status = {
      hard,
      used: Object.fromEntries(Object.entries(used).map(([resource, amount]) => [resource, amount.toString()])),
    };
    if (semanticEqual(quota.status ?? {}, status)) return;
    await this.context.client
      .resource<V1ResourceQuota>(gvr.resourcequotas)
      .namespace(namespace)
      .updateStatus({ ...quota, status });
  }

  /** Filled caches of the kinds that the quota's resources are about. */
  private async sourcesFor(hard: string[], signal: AbortSignal): Promise<Source[]> {
    const sources: Source[] = [];
    for (const resource of this.resources) {
      if (!resource.namespaced || !['list', 'watch', 'create'].every((verb) => resource.verbs.includes(verb))) continue;
      if (hard.some((name) => isAbout(name, resource))) sources.push(this.source(resource));
    }
    for (const { informer, resource } of sources) {
      await waitFor(`the cache of ${resource.resource}`, () => informer.hasSynced(), {
        timeoutMs: syncTimeoutMs,
        signal,
      });
    }
    return sources;
  }

  private source(resource: ServedResource): Source {
    const id = idOf(resource);
    let source = this.sources.get(id);
    if (source) return source;
    if (detailed.has(id)) {
      source = { resource, informer: this.context.informers.informer<Counted>(resource), stop: undefined };
    } else {
      const stop = new AbortController();
      const factory = new InformerFactory(this.context.client, { logger: this.context.logger });
      const informer = factory.informer<Counted>(resource, { transform: identityOnly });
      const changed = (object: Counted): void => {
        for (const key of this.keysIn(object)) this.reconciler.queue.add(key);
      };
      informer.addEventHandler({ add: changed, delete: changed });
      factory.start(this.signal ? AbortSignal.any([this.signal, stop.signal]) : stop.signal);
      source = { resource, informer, stop };
    }
    this.sources.set(id, source);
    return source;
  }
}

const idOf = ({ group, resource }: Pick<ServedResource, 'group' | 'resource'>): string => `${group}/${resource}`;

/** Only counted, so only identity matters. */
function identityOnly({ apiVersion, kind, metadata }: Counted): Counted {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  return { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion, creationTimestamp } } as Counted;
}

/** Whether a name in a quota (`pods`, `requests.cpu`, `count/deployments.apps`) counts objects of this resource. */
export function isAbout(name: string, { group, resource }: Pick<ServedResource, 'group' | 'resource'>): boolean {
  if (name.startsWith('count/')) return name === `count/${group ? `${resource}.${group}` : resource}`;
  if (group !== '') return false;
  if (name === resource) return true;
  if (resource === 'services') return name.startsWith('services.');
  const isStorage = name === 'requests.storage' || name.includes('.storageclass.storage.k8s.io/');
  if (resource === 'persistentvolumeclaims') return isStorage;
  const isOther = isStorage || name.startsWith('services.') || countedOnly.has(name);
  return resource === 'pods' && !isOther;
}

const countedOnly = new Set([
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
]);

function addUsage(used: Record<string, Quantity>, usage: Usage): void {
  for (const [resource, amount] of usage) {
    const before = used[resource];
    if (before) used[resource] = before.add(amount);
  }
}

function usageChanged(resource: string, old: Counted, now: Counted): boolean {
  const text = (object: Counted): string =>
    JSON.stringify(
      [...usageOf({ group: '', resource }, object as unknown as KubeObject)].map(([name, q]) => [name, q.toString()]),
    );
  return text(old) !== text(now);
}
