import type { V1FlowSchema, V1PriorityLevelConfiguration } from '@kubelab/api';
import {
  deepEqual,
  type GroupResource,
  isAlreadyExists,
  isConflict,
  isNotFound,
  type KubeObject,
  nowSecond,
} from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import type { ObjectAccess } from '../object-access.js';
import { autoUpdateAnnotation, defaultFlowSchemas, defaultPriorityLevels } from './default-objects.js';
import { adjustMs, type Fairness } from './fairness.js';

const group = 'flowcontrol.apiserver.k8s.io';
const flowSchemas = { group, resource: 'flowschemas' };
const priorityLevels = { group, resource: 'prioritylevelconfigurations' };

/** Creates and keeps the default objects, follows all of them, and hands them to Fairness. */
export class FairnessConfig {
  private readonly schemas = new Map<string, V1FlowSchema>();
  private readonly levels = new Map<string, V1PriorityLevelConfiguration>();
  private stops: (() => void)[] = [];
  private pending: NodeJS.Immediate | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly objects: ObjectAccess,
    private readonly fairness: Fairness,
    private readonly logger: Logger,
  ) {}

  /** Resolves when the objects that exist are in force. */
  async start(): Promise<void> {
    this.stops = [
      await this.objects.observe(priorityLevels, this.observer(this.levels)),
      await this.objects.observe(flowSchemas, this.observer(this.schemas)),
    ];
    this.apply();
    this.timer = setInterval(() => this.fairness.adjust(), adjustMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
    clearImmediate(this.pending);
    for (const stop of this.stops) stop();
  }

  /** Creates the default objects that are missing and brings the specs of those that are kept up to date. */
  async ensureDefaults(): Promise<void> {
    for (const wanted of defaultPriorityLevels) await this.ensure(priorityLevels, wanted);
    for (const wanted of defaultFlowSchemas) await this.ensure(flowSchemas, wanted);
    await this.writeConditions();
  }

  /** Sets each flow schema's Dangling condition: whether its priority level is missing. */
  async writeConditions(): Promise<void> {
    for (const schema of await this.objects.list(flowSchemas, '')) {
      const name = (schema as V1FlowSchema).spec?.priorityLevelConfiguration.name ?? '';
      const dangling = !this.fairness.hasLevel(name);
      const old = (schema as V1FlowSchema).status?.conditions?.find((c) => c.type === 'Dangling');
      const status = dangling ? 'True' : 'False';
      if (old?.status === status) continue;
      const quoted = JSON.stringify(name);
      const condition = {
        type: 'Dangling',
        status,
        reason: dangling ? 'NotFound' : 'Found',
        message: dangling
          ? `This FlowSchema references the PriorityLevelConfiguration object named ${quoted} but there is no such object`
          : `This FlowSchema references the PriorityLevelConfiguration object named ${quoted} and it exists`,
        lastTransitionTime: nowSecond(),
      };
      await this.attempt(() => this.objects.update(flowSchemas, { ...schema, status: { conditions: [condition] } }));
    }
  }

  private async ensure(resource: GroupResource, wanted: KubeObject): Promise<void> {
    const current = await this.objects.get(resource, '', wanted.metadata.name ?? '');
    if (!current) {
      await this.attempt(() => this.objects.create(resource, wanted));
    } else if (
      current.metadata.annotations?.[autoUpdateAnnotation] === 'true' &&
      !deepEqual(current.spec, wanted.spec)
    ) {
      await this.attempt(() => this.objects.update(resource, { ...current, spec: wanted.spec }));
    }
  }

  /** Another API server may do the same at the same time. */
  private async attempt(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!isAlreadyExists(error) && !isConflict(error) && !isNotFound(error)) throw error;
    }
  }

  private observer(map: Map<string, KubeObject | V1FlowSchema | V1PriorityLevelConfiguration>) {
    const take = (object: KubeObject) => {
      map.set(object.metadata.name ?? '', object);
      this.soon();
    };
    return {
      added: take,
      updated: (_old: KubeObject | undefined, now: KubeObject) => take(now),
      deleted: (object: KubeObject) => {
        map.delete(object.metadata.name ?? '');
        this.soon();
      },
    };
  }

  /** Changes that come together are applied once. */
  private soon(): void {
    this.pending ??= setImmediate(() => {
      this.pending = undefined;
      this.apply();
      this.writeConditions().catch((error) => this.logger.warn('Cannot write flow schema conditions', { error }));
    });
  }

  private apply(): void {
    this.fairness.configure([...this.schemas.values()], [...this.levels.values()]);
  }
}
