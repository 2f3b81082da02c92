import type { ResourceTable } from '@kubelab/api';
import { isAlreadyExists, isConflict, isNotFound, type KubeObject } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { servedGroups } from '../discovery/group-versions.js';
import type { ObjectAccess } from '../object-access.js';
import { apiServiceName, apiServices, automanagedLabel, groupPriorityOf } from './api-service.js';

const definitions = { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' };
/** Rows of the table that change together lead to one pass. */
const gatherMs = 20;
const retryMs = 1_000;

/**
 * Keeps an APIService for every group and version that this server serves itself, custom resources among them, and
 * removes those of custom resources that are gone. One that an admin pointed at a service is left alone.
 */
export class LocalApiServices {
  private timer: NodeJS.Timeout | undefined;
  private passing: Promise<void> = Promise.resolve();
  private stopListening: () => void = () => undefined;
  private stopped = false;

  constructor(
    private readonly table: ResourceTable,
    private readonly objects: ObjectAccess,
    private readonly logger: Logger,
  ) {}

  /** Follows the table from now on. */
  start(): void {
    this.stopListening = this.table.onChange(() => this.soon(gatherMs));
  }

  stop(): void {
    this.stopped = true;
    this.stopListening();
    clearTimeout(this.timer);
  }

  /** Brings the objects in line with the table. */
  ensure(): Promise<void> {
    const pass = this.passing.then(() => this.pass());
    // The next one waits for this one's end, however it ends; its caller is told of a failure.
    this.passing = pass.catch(() => undefined);
    return pass;
  }

  private soon(delayMs: number): void {
    if (this.stopped || this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.ensure().catch((error) => {
        this.logger.warn('Cannot write the APIServices of custom resources', { error });
        this.soon(retryMs);
      });
    }, delayMs);
  }

  private async pass(): Promise<void> {
    const wanted = new Map(localApiServices(this.table).map((object) => [object.metadata.name ?? '', object]));
    const existing = await this.objects.list(apiServices, '', { consistent: true });
    const names = new Set(existing.map((object) => object.metadata.name ?? ''));
    for (const [name, object] of wanted) {
      if (!names.has(name)) await attempt(() => this.objects.create(apiServices, object));
    }
    const stale = existing
      .filter((object) => object.metadata.labels?.[automanagedLabel] === 'true')
      .map((object) => object.metadata.name ?? '')
      .filter((name) => !wanted.has(name));
    if (stale.length === 0) return;
    // Another server may have seen a definition that this one has not seen yet.
    const defined = await this.definedNames();
    for (const name of stale) {
      if (!defined.has(name)) await attempt(() => this.objects.delete(apiServices, '', name));
    }
  }

  private async definedNames(): Promise<Set<string>> {
    const all = await this.objects.list(definitions, '', { consistent: true });
    return new Set(
      all.flatMap((definition) => {
        const spec = definition.spec as { group: string; versions: { name: string; served: boolean }[] };
        return spec.versions.filter((v) => v.served).map((v) => apiServiceName(spec.group, v.name));
      }),
    );
  }
}

function localApiServices(table: ResourceTable): KubeObject[] {
  return servedGroups(table).flatMap(({ name: group, versions }) =>
    versions.map((version, i) => {
      const custom = table.group(group).some((entry) => entry.versions.some((v) => v.schema !== undefined));
      return {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: {
          name: apiServiceName(group, version),
          labels: { [automanagedLabel]: custom ? 'true' : 'onstart' },
        },
        spec: {
          ...(group === '' ? {} : { group }),
          version,
          groupPriorityMinimum: groupPriorityOf(group),
          versionPriority: custom ? 100 : Math.max(1, 15 - i),
        },
      };
    }),
  );
}

/** Another API server does the same at the same time. */
async function attempt(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isAlreadyExists(error) && !isNotFound(error) && !isConflict(error)) throw error;
  }
}
