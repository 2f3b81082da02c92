import type {
  V1Endpoints,
  V1LimitRange,
  V1Namespace,
  V1Node,
  V1PodTemplate,
  V1ReplicationController,
  V1ResourceQuota,
  V1Secret,
  V1Service,
} from '../generated/types.js';
import { roundResources, setPodTemplateDefaults } from './podspec.js';

/** Defaults of a service. Addresses, families and node ports are the allocator's job. */
export function setServiceDefaults(service: V1Service): void {
  service.spec ??= {};
  const spec = service.spec;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  else if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= 10800;
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
  }
  const external =
    spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.type === 'ClusterIP' && spec.externalIPs?.length);
  if (external) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') {
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
  }
  // For clients that know `clusterIP` only. The other way around is refused by validation.
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
}

/** Defaults of Endpoints. */
export function setEndpointsDefaults(endpoints: V1Endpoints): void {
  for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
}

/** Defaults of a replication controller. */
export function setReplicationControllerDefaults(rc: V1ReplicationController): void {
  rc.spec ??= {};
  const { spec } = rc;
  if (spec.template) setPodTemplateDefaults(spec.template);
  const labels = spec.template?.metadata?.labels;
  if (labels && Object.keys(labels).length > 0) {
    if (!spec.selector || Object.keys(spec.selector).length === 0) spec.selector = { ...labels };
    rc.metadata ??= {};
    if (!rc.metadata.labels || Object.keys(rc.metadata.labels).length === 0) rc.metadata.labels = { ...labels };
  }
  spec.replicas ??= 1;
}

/** Defaults of a pod template object. */
export function setPodTemplateObjectDefaults(t: V1PodTemplate): void {
  t.template ??= {};
  setPodTemplateDefaults(t.template);
}

/** Defaults of a secret: stringData is folded into data. */
export function setSecretDefaults(secret: V1Secret): void {
  secret.type ||= 'Opaque';
  if (!secret.stringData) return;
  secret.data ??= {};
  for (const [key, value] of Object.entries(secret.stringData)) {
    secret.data[key] = Buffer.from(value, 'utf8').toString('base64');
  }
  delete secret.stringData;
}

/** Defaults of a namespace: active, and the label that carries its name. */
export function setNamespaceDefaults(ns: V1Namespace): void {
  ns.spec ??= {};
  ns.status ??= {};
  ns.status.phase ||= 'Active';
  if (ns.metadata?.name) {
    ns.metadata.labels ??= {};
    ns.metadata.labels['kubernetes.io/metadata.name'] ??= ns.metadata.name;
  }
}

/** Defaults of a node: what can be allocated is its capacity unless it says less. */
export function setNodeDefaults(node: V1Node): void {
  node.spec ??= {};
  node.status ??= {};
  if (node.status.capacity && !node.status.allocatable) node.status.allocatable = { ...node.status.capacity };
  roundResources(node.status.capacity);
  roundResources(node.status.allocatable);
}

/** Defaults of a quota. */
export function setResourceQuotaDefaults(quota: V1ResourceQuota): void {
  quota.spec ??= {};
  roundResources(quota.spec.hard);
}

/** Defaults of a limit range: for containers, `default` from `max`, `defaultRequest` from `default` and `min`. */
export function setLimitRangeDefaults(range: V1LimitRange): void {
  for (const item of range.spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.default, ...item.min, ...item.defaultRequest };
    const request = { ...item.default, ...item.defaultRequest };
    for (const [name, value] of Object.entries(item.min ?? {})) if (!(name in request)) request[name] = value;
    if (Object.keys(item.default).length === 0) delete item.default;
    if (Object.keys(item.defaultRequest).length === 0) delete item.defaultRequest;
  }
}
