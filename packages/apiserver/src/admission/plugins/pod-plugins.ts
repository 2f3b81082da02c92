import { type KubeObject, Quantity, semanticEqual } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../../object-access.js';
import { admissionForbidden } from '../errors.js';
import { allContainers, isCore, only, podSpec } from '../objects.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.js';

/** Makes every container pull its image at each start, so that nobody runs another tenant's private image. */
export class AlwaysPullImages implements AdmissionPlugin {
  readonly name = 'AlwaysPullImages';
  readonly handles = only('CREATE', 'UPDATE');

  mutate(a: AdmissionAttributes): void {
    if (!a.object || !(isCore(a, 'pods') || isCore(a, 'pods', 'ephemeralcontainers'))) return;
    for (const c of allContainers(podSpec(a.object))) c.imagePullPolicy = 'Always';
  }

  validate(a: AdmissionAttributes): void {
    if (!a.object || !isCore(a, 'pods')) return;
    allContainers(podSpec(a.object)).forEach((c, i) => {
      if (c.imagePullPolicy !== 'Always') {
        throw admissionForbidden(
          a,
          `spec.containers[${i}].imagePullPolicy: Unsupported value: ${JSON.stringify(c.imagePullPolicy)}: supported values: "Always"`,
        );
      }
    });
  }
}

/** Applies a RuntimeClass' overhead and scheduling constraints to its pods. */
export class RuntimeClassPlugin implements AdmissionPlugin {
  readonly name = 'RuntimeClass';
  readonly handles = only('CREATE');

  constructor(private readonly objects: ObjectAccess) {}

  async mutate(a: AdmissionAttributes): Promise<void> {
    if (!a.object || !isCore(a, 'pods')) return;
    const spec = podSpec(a.object);
    if (!spec.runtimeClassName) return;
    const c = await this.runtimeClass(a, spec.runtimeClassName);
    const overhead = c.overhead?.podFixed;
    if (overhead) {
      if (spec.overhead && !semanticEqual(spec.overhead, overhead)) {
        throw admissionForbidden(a, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
      }
      spec.overhead = { ...overhead };
    }
    for (const [k, v] of Object.entries(c.scheduling?.nodeSelector ?? {})) {
      const own = spec.nodeSelector?.[k];
      if (own !== undefined && own !== v) {
        throw admissionForbidden(
          a,
          `conflict: runtimeClass.scheduling.nodeSelector[${k}] = ${v}; pod.spec.nodeSelector[${k}] = ${own}`,
        );
      }
      spec.nodeSelector = { ...spec.nodeSelector, [k]: v };
    }
    for (const t of c.scheduling?.tolerations ?? []) {
      if (!(spec.tolerations ?? []).some((x) => semanticEqual(x, t)))
        spec.tolerations = [...(spec.tolerations ?? []), t];
    }
  }

  async validate(a: AdmissionAttributes): Promise<void> {
    if (!a.object || !isCore(a, 'pods')) return;
    const spec = podSpec(a.object);
    if (!spec.runtimeClassName && spec.overhead && Object.keys(spec.overhead).length > 0) {
      throw admissionForbidden(a, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    }
  }

  private async runtimeClass(a: AdmissionAttributes, name: string): Promise<RuntimeClass> {
    const gr = { group: 'node.k8s.io', resource: 'runtimeclasses' };
    const found =
      (await this.objects.get(gr, '', name)) ?? (await this.objects.get(gr, '', name, { consistent: true }));
    if (!found) throw admissionForbidden(a, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
    return found as RuntimeClass;
  }
}

type RuntimeClass = KubeObject & {
  overhead?: { podFixed?: Record<string, string> };
  scheduling?: { nodeSelector?: Record<string, string>; tolerations?: { key?: string }[] };
};

/** Lets pods that ask for an extended resource onto the nodes that are tainted by its name. */
export class ExtendedResourceToleration implements AdmissionPlugin {
  readonly name = 'ExtendedResourceToleration';
  readonly handles = only('CREATE', 'UPDATE');

  mutate(a: AdmissionAttributes): void {
    if (!a.object || !isCore(a, 'pods')) return;
    const spec = podSpec(a.object);
    const names = new Set<string>();
    for (const c of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
      for (const [name, amount] of Object.entries(c.resources?.requests ?? {})) {
        const extended = name.includes('/') && !name.startsWith('kubernetes.io/') && !name.includes('.kubernetes.io/');
        if (extended && !Quantity.parseOrZero(amount).isZero()) names.add(name);
      }
    }
    for (const key of [...names].sort()) {
      if ((spec.tolerations ?? []).some((t) => t.key === key && t.operator === 'Exists')) continue;
      spec.tolerations = [...(spec.tolerations ?? []), { key, operator: 'Exists' }];
    }
  }
}

/** Refuses required anti-affinity over anything wider than a host: one pod could fence off a whole zone. */
export class LimitPodHardAntiAffinityTopology implements AdmissionPlugin {
  readonly name = 'LimitPodHardAntiAffinityTopology';
  readonly handles = only('CREATE', 'UPDATE');

  validate(a: AdmissionAttributes): void {
    if (!a.object || !isCore(a, 'pods')) return;
    const terms = podSpec(a.object).affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    if (terms.some((t) => t.topologyKey !== 'kubernetes.io/hostname')) {
      throw admissionForbidden(
        a,
        `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${terms.map((t) => t.topologyKey).join(', ')} but only key kubernetes.io/hostname is allowed`,
      );
    }
  }
}

/** Joins a namespace's node selector (annotation scheduler.alpha.kubernetes.io/node-selector) into its pods. */
export class PodNodeSelector implements AdmissionPlugin {
  readonly name = 'PodNodeSelector';
  readonly handles = only('CREATE');

  constructor(private readonly objects: ObjectAccess) {}

  async mutate(a: AdmissionAttributes): Promise<void> {
    if (!a.object || !isCore(a, 'pods')) return;
    const namespace = await this.objects.get({ group: '', resource: 'namespaces' }, '', a.namespace);
    const text = namespace?.metadata.annotations?.['scheduler.alpha.kubernetes.io/node-selector'];
    if (!text) return;
    const spec = podSpec(a.object);
    for (const term of text.split(',')) {
      const [key = '', value = ''] = term.split('=').map((s) => s.trim());
      const own = spec.nodeSelector?.[key];
      if (own !== undefined && own !== value) {
        throw admissionForbidden(a, 'pod node label selector conflicts with its namespace node label selector');
      }
      spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
    }
  }
}

/** The node's topology labels on its pods, at binding (PodTopologyLabels). */
export class PodTopologyLabels implements AdmissionPlugin {
  readonly name = 'PodTopologyLabels';
  readonly handles = only('CREATE');

  constructor(private readonly objects: ObjectAccess) {}

  async mutate(a: AdmissionAttributes): Promise<void> {
    if (!a.object || !isCore(a, 'pods', 'binding')) return;
    const target = a.object.target as { kind?: string; name?: string } | undefined;
    if (!target?.name) return;
    const node = await this.objects.get({ group: '', resource: 'nodes' }, '', target.name);
    for (const key of ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region']) {
      const value = node?.metadata.labels?.[key];
      if (value !== undefined) a.object.metadata.labels = { ...a.object.metadata.labels, [key]: value };
    }
  }
}
