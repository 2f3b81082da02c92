import type { KubeObject } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../../object-access.js';
import { admissionForbidden } from '../errors.js';
import { isCore, isMirrorPod, only, podSpec } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

const classes = { group: 'scheduling.k8s.io', resource: 'priorityclasses' };

interface PriorityClass extends KubeObject {
  value?: number;
  globalDefault?: boolean;
  preemptionPolicy?: string;
}

/** The two classes that every cluster has. */
export const systemPriorityClasses: Record<string, number> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

/** Resolves a pod's priority class to its number, and keeps the global default class unique. */
export class PriorityPlugin implements AdmissionPlugin {
  readonly name = 'Priority';
  readonly handles = only('CREATE', 'UPDATE', 'DELETE');

  constructor(private readonly objects: ObjectAccess) {}

  async mutate(a: AdmissionAttributes): Promise<void> {
    if (!a.object || !isCore(a, 'pods')) return;
    const spec = podSpec(a.object);
    if (a.operation === 'UPDATE') {
      // Immutable; a client that does not know the fields would drop them.
      const old = podSpec(a.oldObject ?? a.object);
      if (spec.priority === undefined && old.priority !== undefined) spec.priority = old.priority;
      if (spec.preemptionPolicy === undefined && old.preemptionPolicy !== undefined)
        spec.preemptionPolicy = old.preemptionPolicy;
      return;
    }
    if (a.operation !== 'CREATE') return;
    if (isMirrorPod(a.object) && !spec.priorityClassName) return;
    const found = await this.resolve(a, spec.priorityClassName ?? '');
    if (spec.priority !== undefined && spec.priority !== found.value) {
      throw admissionForbidden(
        a,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${found.value} from the given PriorityClass name`,
      );
    }
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== found.preemptionPolicy) {
      throw admissionForbidden(
        a,
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${found.preemptionPolicy} from the given PriorityClass name`,
      );
    }
    spec.priority = found.value;
    spec.preemptionPolicy = found.preemptionPolicy;
    if (found.name) spec.priorityClassName = found.name;
  }

  async validate(a: AdmissionAttributes): Promise<void> {
    const c = a.object as PriorityClass | undefined;
    const isClass = a.resource.group === classes.group && a.resource.resource === classes.resource;
    if (!isClass || !c?.globalDefault || a.operation === 'DELETE') return;
    const current = await this.globalDefault();
    if (current && current.metadata.name !== c.metadata.name) {
      throw admissionForbidden(
        a,
        `PriorityClass ${current.metadata.name} is already marked as default. Only one default can exist`,
      );
    }
  }

  private async resolve(
    a: AdmissionAttributes,
    name: string,
  ): Promise<{ name: string; value: number; preemptionPolicy: string }> {
    const of = (c: PriorityClass) => ({
      name: c.metadata.name ?? '',
      value: c.value ?? 0,
      preemptionPolicy: c.preemptionPolicy ?? 'PreemptLowerPriority',
    });
    if (name === '') {
      const fallback = await this.globalDefault();
      return fallback ? of(fallback) : { name: '', value: 0, preemptionPolicy: 'PreemptLowerPriority' };
    }
    const found =
      (await this.objects.get(classes, '', name)) ?? (await this.objects.get(classes, '', name, { consistent: true }));
    if (found) return of(found as PriorityClass);
    const system = systemPriorityClasses[name];
    if (system !== undefined) return { name, value: system, preemptionPolicy: 'PreemptLowerPriority' };
    throw admissionForbidden(a, `no PriorityClass with name ${name} was found`);
  }

  private async globalDefault(): Promise<PriorityClass | undefined> {
    const all = (await this.objects.list(classes, '')) as PriorityClass[];
    // With several (a race), the lowest counts, as in Kubernetes.
    return all.filter((c) => c.globalDefault).sort((x, y) => (x.value ?? 0) - (y.value ?? 0))[0];
  }
}
