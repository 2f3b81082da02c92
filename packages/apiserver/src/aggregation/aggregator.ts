import type { V1APIService, V1APIServiceCondition, V1APIServiceSpec } from '@kubelab/api';
import { isConflict, isNotFound, type KubeObject, nowSecond, StatusError } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import type { ObjectAccess } from '../object-access.js';
import { ServiceResolver } from '../service-resolver.js';
import { apiServices, conditionOf, type RemoteGroupVersion, type RemoteResource } from './api-service.js';
import { type RemoteDocuments, RemoteOpenApi } from './remote-openapi.js';
import { type ProxyIdentity, RemoteServer } from './remote-server.js';

const services = { group: '', resource: 'services' };
const endpoints = { group: '', resource: 'endpoints' };

interface Entry {
  object: V1APIService;
  /** Absent for a group that this server serves itself. */
  server?: RemoteServer;
  openApi?: RemoteOpenApi;
  resources: RemoteResource[];
  available: boolean;
}

const checkEveryMs = 30_000;
/** One that was away is looked at again sooner. */
const checkAwayEveryMs = 5_000;

/**
 * Follows the APIService objects: those with a service stand for an extension server, which is asked for its resources
 * now and then and marked available or not (kube-aggregator).
 */
export class Aggregator {
  private readonly entries = new Map<string, Entry>();
  private readonly resolver: ServiceResolver;
  private readonly observations: (() => void)[] = [];
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly listeners: (() => void)[] = [];

  constructor(
    private readonly objects: ObjectAccess,
    private readonly identity: ProxyIdentity,
    private readonly logger: Logger,
  ) {
    this.resolver = new ServiceResolver(objects);
  }

  async start(): Promise<void> {
    const taken = await this.objects.observe(apiServices, {
      added: (object) => this.take(object),
      updated: (_old, now) => this.take(now),
      deleted: (object) => this.drop(object),
    });
    this.observations.push(taken);
    // An extension server that comes or goes shows in these first.
    for (const resource of [services, endpoints]) {
      const changed = (object: KubeObject) =>
        this.checkService(object.metadata.namespace ?? '', object.metadata.name ?? '');
      const follow = { added: changed, updated: (_old: unknown, now: KubeObject) => changed(now), deleted: changed };
      this.observations.push(await this.objects.observe(resource, follow));
    }
    this.timers.push(setInterval(() => this.checkWhere(() => true), checkEveryMs));
    this.timers.push(setInterval(() => this.checkWhere((entry) => !entry.available), checkAwayEveryMs));
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
    for (const stop of this.observations) stop();
    for (const entry of this.entries.values()) entry.server?.close();
  }

  /** The extension server for a path, and whether it can be asked; undefined when this server serves it itself. */
  find(path: string): { server: RemoteServer; available: boolean } | undefined {
    if (!path.startsWith('/apis/')) return undefined;
    const [, , group = '', version = ''] = path.split('/', 4);
    const entry = this.entries.get(`${group}/${version}`);
    return entry?.server && { server: entry.server, available: entry.available };
  }

  /** What extension servers serve, for discovery. */
  remoteGroupVersions(): RemoteGroupVersion[] {
    return [...this.entries.values()].flatMap(({ object, server, resources, available }) => {
      const { group, version, groupPriorityMinimum, versionPriority } = object.spec ?? {};
      if (!server || !group || !version) return [];
      return [
        {
          group,
          version,
          groupPriority: groupPriorityMinimum ?? 0,
          versionPriority: versionPriority ?? 0,
          available,
          resources,
        },
      ];
    });
  }

  /** The OpenAPI documents of extension servers, by `apis/GROUP/VERSION`. */
  remoteDocuments(): Map<string, RemoteDocuments> {
    const out = new Map<string, RemoteDocuments>();
    for (const [key, { openApi }] of this.entries) {
      if (openApi) out.set(`apis/${key}`, openApi.documents);
    }
    return out;
  }

  /** Tells of every change of these documents. */
  onDocumentsChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }

  private take(raw: KubeObject): void {
    const object = raw as V1APIService;
    const { spec } = object;
    if (!spec) return;
    const key = `${spec.group ?? ''}/${spec.version ?? ''}`;
    const old = this.entries.get(key);
    const same = old?.server && JSON.stringify(old.server.spec) === JSON.stringify(spec);
    if (same) {
      old.object = object;
      return;
    }
    old?.server?.close();
    this.entries.set(key, { object, ...this.remoteOf(spec, key), resources: [], available: !spec.service });
    this.check(key);
  }

  private remoteOf(spec: V1APIServiceSpec, key: string): Pick<Entry, 'server' | 'openApi'> {
    if (!spec.service) return {};
    const server = new RemoteServer(spec, this.identity, this.resolver);
    return { server, openApi: new RemoteOpenApi(server, `apis/${key}`) };
  }

  private drop(raw: KubeObject): void {
    const { spec } = raw as V1APIService;
    const key = `${spec?.group ?? ''}/${spec?.version ?? ''}`;
    const entry = this.entries.get(key);
    this.entries.delete(key);
    if (!entry?.server) return;
    entry.server.close();
    this.changed();
  }

  private checkService(namespace: string, name: string): void {
    this.checkWhere(({ server }) => server?.spec.service?.namespace === namespace && server.spec.service.name === name);
  }

  private checkWhere(matches: (entry: Entry) => boolean): void {
    for (const [key, entry] of this.entries) {
      if (matches(entry)) this.check(key);
    }
  }

  private check(key: string): void {
    this.checkOne(key).catch((error) => this.logger.warn('Cannot check an APIService', { apiService: key, error }));
  }

  private async checkOne(key: string): Promise<void> {
    const entry = this.entries.get(key);
    if (!entry) return;
    if (!entry.server) {
      await this.report(entry, 'True', 'Local', 'Local APIServices are always available');
      return;
    }
    try {
      entry.resources = await entry.server.discover();
      entry.available = true;
    } catch (error) {
      entry.available = false;
      const message = `failing or missing response: ${(error as Error).message}`;
      const reason = error instanceof StatusError ? reasonOf(error) : 'FailedDiscoveryCheck';
      await this.report(entry, 'False', reason, error instanceof StatusError ? error.message : message);
      return;
    }
    await this.report(entry, 'True', 'Passed', 'all checks passed');
    if (await entry.openApi?.refresh()) this.changed();
  }

  private async report(entry: Entry, status: string, reason: string, message: string): Promise<void> {
    const old = conditionOf(entry.object, 'Available');
    if (old?.status === status && old.reason === reason && old.message === message) return;
    const condition: V1APIServiceCondition = {
      type: 'Available',
      status,
      lastTransitionTime: (old?.status === status && old.lastTransitionTime) || nowSecond(),
      reason,
      message,
    };
    const others = (entry.object.status?.conditions ?? []).filter((c) => c.type !== 'Available');
    try {
      await this.objects.update(apiServices, {
        ...(entry.object as KubeObject),
        status: { conditions: [...others, condition] },
      });
    } catch (error) {
      // Changed or deleted in the meantime: the change comes by the observer and is checked then.
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }
}

function reasonOf(error: StatusError): string {
  if (/service .* not found/.test(error.message)) return 'ServiceNotFound';
  return /endpoints/.test(error.message) ? 'MissingEndpoints' : 'ServicePortError';
}
