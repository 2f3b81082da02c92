import type { V1Pod } from '@kubelab/api';
import { type AffinityTerm, affinityTerm } from './affinity-term.js';
import { podRequest, type Resource } from './resource.js';

/** A port on the node that a pod takes. */
export interface HostPort {
  protocol: string;
  ip: string;
  port: number;
}

/** A pod with what the plugins ask of it again and again, computed once. */
export class PodInfo {
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly priority: number;
  readonly request: Resource;
  /** With defaults for containers without requests: for scores. */
  readonly nonZeroRequest: Resource;
  readonly hostPorts: readonly HostPort[];
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly AffinityTerm[];
  readonly preferredAntiAffinity: readonly AffinityTerm[];

  constructor(readonly pod: V1Pod) {
    const meta = pod.metadata ?? {};
    this.namespace = meta.namespace ?? '';
    this.key = `${this.namespace}/${meta.name ?? ''}`;
    this.uid = meta.uid ?? this.key;
    this.priority = pod.spec?.priority ?? 0;
    this.request = podRequest(pod);
    this.nonZeroRequest = podRequest(pod, true);
    this.hostPorts = hostPortsOf(pod);
    const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
    const required = (terms: Parameters<typeof affinityTerm>[1][] | undefined): AffinityTerm[] =>
      (terms ?? []).map((t) => affinityTerm(pod, t));
    this.requiredAffinity = required(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution);
    this.requiredAntiAffinity = required(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution);
    this.preferredAffinity = (podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((w) =>
      affinityTerm(pod, w.podAffinityTerm, w.weight),
    );
    this.preferredAntiAffinity = (podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((w) =>
      affinityTerm(pod, w.podAffinityTerm, w.weight),
    );
  }

  /** The info of a newer version of the pod; this one if nothing changed. */
  refreshed(pod: V1Pod): PodInfo {
    return pod === this.pod ? this : new PodInfo(pod);
  }

  get hasAffinity(): boolean {
    return (
      this.requiredAffinity.length > 0 ||
      this.requiredAntiAffinity.length > 0 ||
      this.preferredAffinity.length > 0 ||
      this.preferredAntiAffinity.length > 0
    );
  }
}

function hostPortsOf(pod: V1Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  return [...(pod.spec?.containers ?? []), ...sidecars].flatMap((c) =>
    (c.ports ?? [])
      .filter((p) => (p.hostPort ?? 0) > 0)
      .map((p) => ({ protocol: p.protocol ?? 'TCP', ip: p.hostIP || '0.0.0.0', port: p.hostPort ?? 0 })),
  );
}

/** Whether two ports can't be had on the same node: same port and protocol on the same or on all addresses. */
export function portsConflict(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
}
