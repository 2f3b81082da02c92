import { parseTime } from '@kubelab/apimachinery';
import type {
  CoreV1Event,
  V1ComponentStatus,
  V1ConfigMap,
  V1Endpoints,
  V1Namespace,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1ResourceQuota,
  V1Secret,
  V1Service,
  V1ServiceAccount,
} from '../generated/types.js';
import type { Column } from '../resource.js';
import { AGE, column, integer, labelsText, NAME, since, wide } from './common.js';

function servicePorts(service: V1Service): string {
  const ports = (service.spec?.ports ?? []).map((p) =>
    p.nodePort ? `${p.port}:${p.nodePort}/${p.protocol}` : `${p.port}/${p.protocol}`,
  );
  return ports.length === 0 ? '<none>' : ports.join(',');
}

function externalIp(service: V1Service): string {
  const ips = service.spec?.externalIPs ?? [];
  switch (service.spec?.type) {
    case 'LoadBalancer': {
      const given = (service.status?.loadBalancer?.ingress ?? []).map((i) => i.ip || i.hostname || '').filter(Boolean);
      const all = [...new Set([...given].sort()), ...ips];
      return all.length > 0 ? all.join(',') : '<pending>';
    }
    case 'ExternalName':
      return service.spec.externalName ?? '';
    default:
      return ips.length > 0 ? ips.join(',') : '<none>';
  }
}

/** Columns of services. */
export const serviceColumns: Column[] = [
  NAME,
  column<V1Service>('Type', 'Type determines how the Service is exposed.', (s) => s.spec?.type),
  column<V1Service>(
    'Cluster-IP',
    'The IP address of the service.',
    (s) => s.spec?.clusterIPs?.[0] || s.spec?.clusterIP || '<none>',
  ),
  column<V1Service>('External-IP', 'Addresses by which the service is reached from outside.', externalIp),
  column<V1Service>('Port(s)', 'The list of ports that are exposed by this service.', servicePorts),
  AGE,
  wide<V1Service>('Selector', 'Route service traffic to pods with label keys and values matching this selector.', (s) =>
    labelsText(s.spec?.selector),
  ),
];

/** host:port of the ready addresses, three at most and how many more. */
export function endpointsText(endpoints: V1Endpoints): string {
  const subsets = endpoints.subsets ?? [];
  if (subsets.length === 0) return '<none>';
  const all: string[] = [];
  for (const s of subsets) {
    for (const address of s.addresses ?? []) {
      if ((s.ports ?? []).length === 0) all.push(address.ip);
      for (const port of s.ports ?? []) {
        all.push(address.ip?.includes(':') ? `[${address.ip}]:${port.port}` : `${address.ip}:${port.port}`);
      }
    }
  }
  if (all.length === 0) return '';
  const more = all.length > 3 ? ` + ${all.length - 3} more...` : '';
  return all.slice(0, 3).join(',') + more;
}

/** Columns of Endpoints. */
export const endpointsColumns: Column[] = [
  NAME,
  column<V1Endpoints>('Endpoints', "The addresses of the service's pods.", endpointsText),
  AGE,
];

function nodeStatus(node: V1Node): string {
  const ready = (node.status?.conditions ?? []).find((c) => c.type === 'Ready');
  const parts = [ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'];
  if (node.spec?.unschedulable) parts.push('SchedulingDisabled');
  return parts.join(',');
}

function nodeRoles(node: V1Node): string {
  const roles: string[] = [];
  for (const [key, value] of Object.entries(node.metadata?.labels ?? {})) {
    if (key.startsWith('node-role.kubernetes.io/')) {
      const role = key.slice('node-role.kubernetes.io/'.length);
      if (role) roles.push(role);
    } else if (key === 'kubernetes.io/role' && value) roles.push(value);
  }
  return roles.length === 0 ? '<none>' : [...new Set(roles)].sort().join(',');
}

const nodeAddress = (node: V1Node, type: string): string =>
  (node.status?.addresses ?? []).find((a) => a.type === type)?.address ?? '<none>';
const orUnknown = (text: string | undefined): string => text || '<unknown>';

/** Columns of nodes. */
export const nodeColumns: Column[] = [
  NAME,
  column<V1Node>('Status', 'The status of the node', nodeStatus),
  column<V1Node>('Roles', 'The roles of the node', nodeRoles),
  AGE,
  column<V1Node>('Version', 'Kubelet Version reported by the node.', (n) => n.status?.nodeInfo?.kubeletVersion ?? ''),
  wide<V1Node>('Internal-IP', 'List of addresses reachable to the node.', (n) => nodeAddress(n, 'InternalIP')),
  wide<V1Node>('External-IP', 'List of addresses reachable to the node.', (n) => nodeAddress(n, 'ExternalIP')),
  wide<V1Node>('OS-Image', 'OS Image reported by the node.', (n) => orUnknown(n.status?.nodeInfo?.osImage)),
  wide<V1Node>('Kernel-Version', 'Kernel Version reported by the node.', (n) =>
    orUnknown(n.status?.nodeInfo?.kernelVersion),
  ),
  wide<V1Node>('Container-Runtime', 'ContainerRuntime Version reported by the node.', (n) =>
    orUnknown(n.status?.nodeInfo?.containerRuntimeVersion),
  ),
];

const firstSet = (...times: (string | null | undefined)[]): string | undefined =>
  times.find((t) => parseTime(t ?? undefined) !== undefined) ?? undefined;

function lastSeen(e: CoreV1Event): string {
  const first = firstSet(e.firstTimestamp, e.eventTime);
  if (e.series) return `${since(e.series.lastObservedTime)} (x${e.series.count ?? 0} over ${since(first)})`;
  if ((e.count ?? 0) > 1) return `${since(e.lastTimestamp)} (x${e.count} over ${since(first)})`;
  const last = firstSet(e.lastTimestamp, first);
  return since(last);
}

/** The short form of kubectl's `-o wide`-less listing: how long ago it was last seen. */
function lastSeenShort(e: CoreV1Event): string {
  return since(firstSet(e.series?.lastObservedTime, e.lastTimestamp, e.firstTimestamp, e.eventTime));
}

const eventSource = (e: CoreV1Event): string => {
  const component = e.source?.component || e.reportingComponent || '';
  const host = e.source?.host || e.reportingInstance || '';
  return host ? `${component}, ${host}` : component;
};

/** Columns of events. */
export const eventColumns: Column[] = [
  column<CoreV1Event>('Last Seen', 'Time when this event was last observed', lastSeenShort),
  column<CoreV1Event>('Type', 'Type of this event (Normal, Warning).', (e) => e.type),
  column<CoreV1Event>('Reason', 'Short, machine understandable reason for the event.', (e) => e.reason),
  column<CoreV1Event>('Object', 'The object that this event is about.', (e) =>
    e.involvedObject?.kind
      ? `${e.involvedObject.kind.toLowerCase()}/${e.involvedObject.name ?? ''}`
      : (e.involvedObject?.name ?? ''),
  ),
  wide<CoreV1Event>('Subobject', 'Part of the object that this event is about.', (e) => e.involvedObject?.fieldPath),
  wide<CoreV1Event>('Source', 'The component reporting this event.', eventSource),
  column<CoreV1Event>('Message', 'A human-readable description of the status of this operation.', (e) =>
    (e.message ?? '').trim(),
  ),
  wide<CoreV1Event>('First Seen', 'The time at which the event was first recorded.', (e) =>
    since(firstSet(e.firstTimestamp, e.eventTime)),
  ),
  wide<CoreV1Event>('Count', 'The number of times this event has occurred.', (e) =>
    String(e.series?.count ?? e.count ?? 1),
  ),
  { ...NAME, priority: 1 },
];

/** `5m (x3 over 10m)`, as kubectl describe shows it. */
export { lastSeen as eventLastSeenLong };

/** Columns of namespaces. */
export const namespaceColumns: Column[] = [
  NAME,
  column<V1Namespace>('Status', 'The status of the namespace', (n) => n.status?.phase ?? ''),
  AGE,
];

/** Columns of secrets. */
export const secretColumns: Column[] = [
  NAME,
  column<V1Secret>('Type', 'Used to facilitate programmatic handling of secret data.', (s) => s.type),
  integer<V1Secret>('Data', 'Number of keys.', (s) => Object.keys(s.data ?? {}).length),
  AGE,
];

/** Columns of config maps. */
export const configMapColumns: Column[] = [
  NAME,
  integer<V1ConfigMap>(
    'Data',
    'Number of keys.',
    (c) => Object.keys(c.data ?? {}).length + Object.keys(c.binaryData ?? {}).length,
  ),
  AGE,
];

/** Columns of service accounts. */
export const serviceAccountColumns: Column[] = [
  NAME,
  integer<V1ServiceAccount>(
    'Secrets',
    'Number of secrets that pods running with this account may use.',
    (s) => (s.secrets ?? []).length,
  ),
  AGE,
];

const MODES: Record<string, string> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const accessModes = (modes: string[] | undefined): string =>
  Object.keys(MODES)
    .filter((m) => (modes ?? []).includes(m))
    .map((m) => MODES[m])
    .join(',');

const phaseOf = (o: { metadata?: { deletionTimestamp?: string }; status?: { phase?: string } }): string =>
  o.metadata?.deletionTimestamp ? 'Terminating' : (o.status?.phase ?? '');

/** Columns of persistent volumes. */
export const persistentVolumeColumns: Column[] = [
  NAME,
  column<V1PersistentVolume>('Capacity', 'The capacity of the volume.', (v) => v.spec?.capacity?.storage ?? ''),
  column<V1PersistentVolume>('Access Modes', 'Ways to mount the volume.', (v) => accessModes(v.spec?.accessModes)),
  column<V1PersistentVolume>(
    'Reclaim Policy',
    'What happens to the volume when its claim goes.',
    (v) => v.spec?.persistentVolumeReclaimPolicy,
  ),
  column<V1PersistentVolume>('Status', 'Phase of the volume.', phaseOf),
  column<V1PersistentVolume>('Claim', 'The claim that the volume is bound to.', (v) =>
    v.spec?.claimRef ? `${v.spec.claimRef.namespace}/${v.spec.claimRef.name}` : '',
  ),
  column<V1PersistentVolume>(
    'StorageClass',
    'Class of the volume.',
    (v) => v.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? v.spec?.storageClassName ?? '',
  ),
  column<V1PersistentVolume>(
    'VolumeAttributesClass',
    'Attributes class of the volume.',
    (v) => v.spec?.volumeAttributesClassName ?? '<unset>',
  ),
  column<V1PersistentVolume>('Reason', 'Why the volume is in its phase.', (v) => v.status?.reason ?? ''),
  AGE,
  wide<V1PersistentVolume>('VolumeMode', 'Filesystem or raw block.', (v) => v.spec?.volumeMode ?? '<unset>'),
];

/** Columns of claims. */
export const persistentVolumeClaimColumns: Column[] = [
  NAME,
  column<V1PersistentVolumeClaim>('Status', 'Phase of the claim.', phaseOf),
  column<V1PersistentVolumeClaim>('Volume', 'The volume that backs the claim.', (c) => c.spec?.volumeName ?? ''),
  column<V1PersistentVolumeClaim>('Capacity', 'The capacity of the volume.', (c) =>
    c.spec?.volumeName ? (c.status?.capacity?.storage ?? '') : '',
  ),
  column<V1PersistentVolumeClaim>('Access Modes', 'Ways to mount the volume.', (c) =>
    c.spec?.volumeName ? accessModes(c.status?.accessModes) : '',
  ),
  column<V1PersistentVolumeClaim>(
    'StorageClass',
    'Class of the claim.',
    (c) => c.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? c.spec?.storageClassName ?? '',
  ),
  column<V1PersistentVolumeClaim>(
    'VolumeAttributesClass',
    'Attributes class of the claim.',
    (c) => c.spec?.volumeAttributesClassName ?? '<unset>',
  ),
  AGE,
  wide<V1PersistentVolumeClaim>('VolumeMode', 'Filesystem or raw block.', (c) => c.spec?.volumeMode ?? '<unset>'),
];

/** Columns of component statuses. */
export const componentStatusColumns: Column[] = [
  NAME,
  column<V1ComponentStatus>('Status', 'Status of the component conditions', (c) => {
    const healthy = (c.conditions ?? []).find((x) => x.type === 'Healthy');
    return healthy?.status === 'True' ? 'Healthy' : 'Unhealthy';
  }),
  column<V1ComponentStatus>(
    'Message',
    'Message of the component conditions',
    (c) => (c.conditions ?? []).find((x) => x.type === 'Healthy')?.message ?? '',
  ),
  column<V1ComponentStatus>(
    'Error',
    'Error of the component conditions',
    (c) => (c.conditions ?? []).find((x) => x.type === 'Healthy')?.error ?? '',
  ),
];

function quotaText(quota: V1ResourceQuota, limits: boolean): string {
  return Object.keys(quota.status?.hard ?? {})
    .sort()
    .filter((name) => name.startsWith('limits') === limits)
    .map((name) => `${name}: ${quota.status?.used?.[name] ?? '0'}/${quota.status?.hard?.[name] ?? '0'}`)
    .join(', ');
}

/** Columns of quotas. */
export const resourceQuotaColumns: Column[] = [
  NAME,
  column<V1ResourceQuota>('Request', 'Requests and counts, used and allowed.', (q) => quotaText(q, false)),
  column<V1ResourceQuota>('Limit', 'Limits, used and allowed.', (q) => quotaText(q, true)),
  AGE,
];
