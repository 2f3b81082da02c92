import { type FieldError, type KubeObject, newInvalid } from '@kubelab/apimachinery';

export interface ServicePort {
  port: number;
  protocol?: string;
  nodePort?: number;
}

/** The parts of a Service's spec that allocation reads and writes. */
export interface ServiceSpec {
  type?: string;
  selector?: Record<string, string>;
  clusterIP?: string;
  clusterIPs?: string[];
  ipFamilies?: string[];
  ipFamilyPolicy?: string;
  ports?: ServicePort[];
  healthCheckNodePort?: number;
  externalTrafficPolicy?: string;
  allocateLoadBalancerNodePorts?: boolean;
  externalName?: string;
}

/** Undoes what was allocated for a write that failed afterwards. */
export type Rollback = () => Promise<void>;

/** One write of a Service: what it is about, what it had, and how to undo what it took so far. */
export interface Assignment {
  service: KubeObject;
  spec: ServiceSpec;
  before: ServiceSpec | undefined;
  /** Nothing is taken, but what can't be had is refused. */
  dryRun: boolean;
  undo: Rollback[];
}

/** The cluster IPs of a Service; none of a headless one. */
export function clusterIpsOf(spec: ServiceSpec | undefined): string[] {
  const all = spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];
  return all.filter((ip) => ip !== 'None' && ip !== '');
}

export const hasNodePorts = (spec: ServiceSpec | undefined): boolean =>
  spec?.type === 'NodePort' || spec?.type === 'LoadBalancer';

/** The node ports of a Service, that of its health check among them; none of a type that has none. */
export function nodePortsOf(spec: ServiceSpec | undefined): number[] {
  if (!hasNodePorts(spec)) return [];
  const ports = (spec?.ports ?? []).flatMap((port) => (port.nodePort ? [port.nodePort] : []));
  return spec?.healthCheckNodePort ? [...ports, spec.healthCheckNodePort] : ports;
}

export function invalidService(service: KubeObject, errors: FieldError[]): Error {
  return newInvalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', errors);
}
