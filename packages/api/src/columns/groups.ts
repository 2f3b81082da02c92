import { humanDuration } from '@kubelab/apimachinery';
import type {
  V1APIService,
  V1CertificateSigningRequest,
  V1ClusterRoleBinding,
  V1CSIDriver,
  V1CSINode,
  V1EndpointSlice,
  V1FlowSchema,
  V1Ingress,
  V1IngressClass,
  V1IPAddress,
  V1Lease,
  V1MutatingWebhookConfiguration,
  V1NetworkPolicy,
  V1PodDisruptionBudget,
  V1PriorityClass,
  V1PriorityLevelConfiguration,
  V1RoleBinding,
  V1RuntimeClass,
  V1ServiceCIDR,
  V1StorageClass,
  V1ValidatingAdmissionPolicy,
  V1ValidatingAdmissionPolicyBinding,
  V1VolumeAttachment,
  V2HorizontalPodAutoscaler,
} from '../generated/types.js';
import type { Column } from '../resource.js';
import { AGE, column, integer, NAME, selectorText, wide } from './common.js';
import { hpaTargets } from './hpa.js';

/** The first of a list, and how many more. */
function shortList(values: string[], max: number): string {
  if (values.length === 0) return '<unset>';
  return values.slice(0, max).join(',') + (values.length > max ? ` + ${values.length - max} more...` : '');
}

/** Columns of endpoint slices. */
export const endpointSliceColumns: Column[] = [
  NAME,
  column<V1EndpointSlice>('AddressType', 'Type of address carried by this slice.', (s) => s.addressType),
  column<V1EndpointSlice>('Ports', 'Ports of the endpoints.', (s) => {
    const ports = (s.ports ?? []).map((p) => (p.port === undefined ? '*' : String(p.port)));
    return shortList(ports, 3);
  }),
  column<V1EndpointSlice>('Endpoints', 'Addresses.', (s) =>
    shortList(
      (s.endpoints ?? []).flatMap((e) => e.addresses ?? []),
      3,
    ),
  ),
  AGE,
];

function ingressAddress(i: V1Ingress): string {
  return (i.status?.loadBalancer?.ingress ?? [])
    .map((x) => x.ip || x.hostname || '')
    .filter(Boolean)
    .join(',');
}

/** Columns of ingresses. */
export const ingressColumns: Column[] = [
  NAME,
  column<V1Ingress>(
    'Class',
    'The ingress class.',
    (i) => i.spec?.ingressClassName ?? i.metadata?.annotations?.['kubernetes.io/ingress.class'] ?? '<none>',
  ),
  column<V1Ingress>('Hosts', 'Hosts that incoming requests are matched against.', (i) => {
    const hosts = [...new Set((i.spec?.rules ?? []).map((r) => r.host || '*'))];
    return hosts.length === 0 ? '*' : shortList(hosts, 3);
  }),
  column<V1Ingress>('Address', 'Addresses of the load balancer.', ingressAddress),
  column<V1Ingress>('Ports', 'Ports by which it is reached.', (i) => (i.spec?.tls?.length ? '80, 443' : '80')),
  AGE,
];

/** Columns of ingress classes. */
export const ingressClassColumns: Column[] = [
  NAME,
  column<V1IngressClass>(
    'Controller',
    'Controller that is responsible for handling this class',
    (c) => c.spec?.controller,
  ),
  column<V1IngressClass>('Parameters', 'A reference to a resource with additional parameters', (c) => {
    const p = c.spec?.parameters;
    return p ? `${p.kind}${p.apiGroup ? `.${p.apiGroup}` : ''}/${p.name}` : '<none>';
  }),
  AGE,
];

/** Columns of network policies. */
export const networkPolicyColumns: Column[] = [
  NAME,
  column<V1NetworkPolicy>('Pod-Selector', 'Pods that the policy applies to.', (p) => selectorText(p.spec?.podSelector)),
  AGE,
];

/** Columns of IP addresses. */
export const ipAddressColumns: Column[] = [
  NAME,
  column<V1IPAddress>('ParentRef', 'The object that holds the address.', (a) => {
    const p = a.spec?.parentRef;
    return p
      ? [`${p.resource}${p.group ? `.${p.group}` : ''}`, p.namespace, p.name].filter(Boolean).join('/')
      : '<none>';
  }),
  AGE,
];

/** Columns of service CIDRs. */
export const serviceCidrColumns: Column[] = [
  NAME,
  column<V1ServiceCIDR>('CIDRs', 'Ranges that cluster IPs are taken from.', (s) => (s.spec?.cidrs ?? []).join(',')),
  AGE,
];

/** Columns of disruption budgets. */
export const podDisruptionBudgetColumns: Column[] = [
  NAME,
  column<V1PodDisruptionBudget>('Min Available', 'The minimum number of pods that must be available.', (p) =>
    String(p.spec?.minAvailable ?? 'N/A'),
  ),
  column<V1PodDisruptionBudget>('Max Unavailable', 'The maximum number of pods that may be unavailable.', (p) =>
    String(p.spec?.maxUnavailable ?? 'N/A'),
  ),
  integer<V1PodDisruptionBudget>(
    'Allowed Disruptions',
    'Calculated number of pods that may be disrupted at this time.',
    (p) => p.status?.disruptionsAllowed ?? 0,
  ),
  AGE,
];

type Binding = V1RoleBinding | V1ClusterRoleBinding;
const subjects = (kind: string) => (b: Binding) =>
  (b.subjects ?? [])
    .filter((s) => s.kind === kind)
    .map((s) => (kind === 'ServiceAccount' ? `${s.namespace ?? ''}/${s.name}` : s.name))
    .join(', ');

/** Columns of role bindings. */
export const roleBindingColumns: Column[] = [
  NAME,
  column<Binding>('Role', 'The role that is granted.', (b) => `${b.roleRef?.kind}/${b.roleRef?.name}`),
  AGE,
  wide<Binding>('Users', 'Users in the binding', subjects('User')),
  wide<Binding>('Groups', 'Groups in the binding', subjects('Group')),
  wide<Binding>('ServiceAccounts', 'Service accounts in the binding', subjects('ServiceAccount')),
];

function csrCondition(csr: V1CertificateSigningRequest): string {
  const has = (type: string): boolean => (csr.status?.conditions ?? []).some((c) => c.type === type);
  let text = 'Pending';
  if (has('Denied')) text = 'Denied';
  else if (has('Approved')) text = 'Approved';
  if (has('Failed')) text += ',Failed';
  if (csr.status?.certificate) text += ',Issued';
  return text;
}

/** Columns of signing requests. */
export const certificateSigningRequestColumns: Column[] = [
  NAME,
  AGE,
  column<V1CertificateSigningRequest>('SignerName', 'The requested signer.', (c) => c.spec?.signerName ?? '<none>'),
  column<V1CertificateSigningRequest>('Requestor', 'Who asked.', (c) => c.spec?.username ?? ''),
  column<V1CertificateSigningRequest>('RequestedDuration', 'The requested validity.', (c) =>
    c.spec?.expirationSeconds === undefined ? '<none>' : humanDuration(c.spec.expirationSeconds * 1000),
  ),
  column<V1CertificateSigningRequest>('Condition', 'Where the request is.', csrCondition),
];

/** Columns of leases. */
export const leaseColumns: Column[] = [
  NAME,
  column<V1Lease>('Holder', 'The identity of the holder of a current lease.', (l) => l.spec?.holderIdentity ?? ''),
  AGE,
];

/** Columns of storage classes. */
export const storageClassColumns: Column[] = [
  {
    ...NAME,
    cell: (obj) => {
      const a = obj.metadata.annotations ?? {};
      const isDefault =
        a['storageclass.kubernetes.io/is-default-class'] === 'true' ||
        a['storageclass.beta.kubernetes.io/is-default-class'] === 'true';
      return isDefault ? `${obj.metadata.name} (default)` : obj.metadata.name;
    },
  },
  column<V1StorageClass>('Provisioner', 'Provisioner indicates the type of the provisioner.', (s) => s.provisioner),
  column<V1StorageClass>(
    'ReclaimPolicy',
    'Reclaim policy of volumes that are provisioned.',
    (s) => s.reclaimPolicy ?? 'Delete',
  ),
  column<V1StorageClass>(
    'VolumeBindingMode',
    'When volumes are provisioned and bound.',
    (s) => s.volumeBindingMode ?? 'Immediate',
  ),
  column<V1StorageClass>('AllowVolumeExpansion', 'Whether volumes may grow.', (s) => s.allowVolumeExpansion ?? false, {
    type: 'boolean',
  }),
  AGE,
];

/** Columns of CSI drivers. */
export const csiDriverColumns: Column[] = [
  NAME,
  column<V1CSIDriver>('AttachRequired', 'Whether volumes are attached first.', (d) => d.spec?.attachRequired ?? true, {
    type: 'boolean',
  }),
  column<V1CSIDriver>(
    'PodInfoOnMount',
    'Whether pod details are passed at mount.',
    (d) => d.spec?.podInfoOnMount ?? false,
    { type: 'boolean' },
  ),
  column<V1CSIDriver>('StorageCapacity', 'Whether capacity is tracked.', (d) => d.spec?.storageCapacity ?? false, {
    type: 'boolean',
  }),
  column<V1CSIDriver>(
    'TokenRequests',
    'Audiences of the tokens the driver gets.',
    (d) => (d.spec?.tokenRequests ?? []).map((t) => t.audience).join(',') || '<unset>',
  ),
  column<V1CSIDriver>(
    'RequiresRepublish',
    'Whether volumes are published again and again.',
    (d) => d.spec?.requiresRepublish ?? false,
    { type: 'boolean' },
  ),
  column<V1CSIDriver>(
    'Modes',
    'Volume lifecycle modes.',
    (d) => (d.spec?.volumeLifecycleModes ?? []).join(',') || '<none>',
  ),
  AGE,
];

/** Columns of CSI nodes. */
export const csiNodeColumns: Column[] = [
  NAME,
  integer<V1CSINode>('Drivers', 'Number of drivers on the node.', (n) => (n.spec?.drivers ?? []).length),
  AGE,
];

/** Columns of volume attachments. */
export const volumeAttachmentColumns: Column[] = [
  NAME,
  column<V1VolumeAttachment>('Attacher', 'The driver that attaches.', (v) => v.spec?.attacher),
  column<V1VolumeAttachment>('PV', 'The volume.', (v) => v.spec?.source?.persistentVolumeName ?? ''),
  column<V1VolumeAttachment>('Node', 'The node.', (v) => v.spec?.nodeName),
  column<V1VolumeAttachment>('Attached', 'Whether it is attached.', (v) => v.status?.attached ?? false, {
    type: 'boolean',
  }),
  AGE,
];

/** Columns of priority classes. */
export const priorityClassColumns: Column[] = [
  NAME,
  integer<V1PriorityClass>('Value', 'The priority of pods of this class.', (p) => p.value),
  column<V1PriorityClass>('Global-Default', 'Whether pods without a class get it.', (p) => p.globalDefault ?? false, {
    type: 'boolean',
  }),
  AGE,
  column<V1PriorityClass>(
    'PreemptionPolicy',
    'Whether pods of this class preempt others.',
    (p) => p.preemptionPolicy ?? '',
  ),
];

/** Columns of runtime classes. */
export const runtimeClassColumns: Column[] = [
  NAME,
  column<V1RuntimeClass>('Handler', 'The CRI handler of this class.', (r) => r.handler),
  AGE,
];

/** Columns of horizontal pod autoscalers (v2 objects). */
export const horizontalPodAutoscalerColumns: Column[] = [
  NAME,
  column<V2HorizontalPodAutoscaler>(
    'Reference',
    'What is scaled.',
    (h) => `${h.spec?.scaleTargetRef?.kind}/${h.spec?.scaleTargetRef?.name}`,
  ),
  column<V2HorizontalPodAutoscaler>('Targets', 'Current and wanted metrics.', hpaTargets),
  column<V2HorizontalPodAutoscaler>('MinPods', 'Lower limit of the number of pods.', (h) =>
    h.spec?.minReplicas === undefined ? '<unset>' : String(h.spec.minReplicas),
  ),
  integer<V2HorizontalPodAutoscaler>('MaxPods', 'Upper limit of the number of pods.', (h) => h.spec?.maxReplicas ?? 0),
  integer<V2HorizontalPodAutoscaler>('Replicas', 'Current number of pods.', (h) => h.status?.currentReplicas ?? 0),
  AGE,
];

/** Columns of webhook configurations. */
export const webhookConfigurationColumns: Column[] = [
  NAME,
  integer<V1MutatingWebhookConfiguration>('Webhooks', 'Number of webhooks.', (w) => (w.webhooks ?? []).length),
  AGE,
];

/** Columns of validating admission policies. */
export const validatingAdmissionPolicyColumns: Column[] = [
  NAME,
  integer<V1ValidatingAdmissionPolicy>(
    'Validations',
    'Number of expressions.',
    (p) => (p.spec?.validations ?? []).length,
  ),
  column<V1ValidatingAdmissionPolicy>('ParamKind', 'Kind of the parameters.', (p) =>
    p.spec?.paramKind ? `${p.spec.paramKind.apiVersion}/${p.spec.paramKind.kind}` : '<unset>',
  ),
  AGE,
];

/** Columns of bindings of validating admission policies. */
export const validatingAdmissionPolicyBindingColumns: Column[] = [
  NAME,
  column<V1ValidatingAdmissionPolicyBinding>('PolicyName', 'The policy.', (b) => b.spec?.policyName),
  column<V1ValidatingAdmissionPolicyBinding>('ParamRef', 'The parameters.', (b) => {
    const r = b.spec?.paramRef;
    if (!r) return '<unset>';
    const name = r.name ?? '*';
    return r.namespace ? `${r.namespace}/${name}` : name;
  }),
  AGE,
];

/** Columns of flow schemas. */
export const flowSchemaColumns: Column[] = [
  NAME,
  column<V1FlowSchema>(
    'PriorityLevel',
    'The priority level of matching requests.',
    (f) => f.spec?.priorityLevelConfiguration?.name,
  ),
  integer<V1FlowSchema>('MatchingPrecedence', 'Lower numbers are tried first.', (f) => f.spec?.matchingPrecedence),
  column<V1FlowSchema>(
    'DistinguisherMethod',
    'What makes flows.',
    (f) => f.spec?.distinguisherMethod?.type ?? '<none>',
  ),
  AGE,
  column<V1FlowSchema>(
    'MissingPL',
    'Whether the priority level is missing.',
    (f) => (f.status?.conditions ?? []).find((c) => c.type === 'Dangling')?.status ?? '?',
  ),
];

/** Columns of priority levels. */
export const priorityLevelConfigurationColumns: Column[] = [
  NAME,
  column<V1PriorityLevelConfiguration>('Type', 'Whether it is limited.', (p) => p.spec?.type),
  column<V1PriorityLevelConfiguration>(
    'NominalConcurrencyShares',
    "Share of the server's concurrency.",
    (p) => p.spec?.limited?.nominalConcurrencyShares ?? p.spec?.exempt?.nominalConcurrencyShares ?? '<none>',
  ),
  column<V1PriorityLevelConfiguration>(
    'Queues',
    'Number of queues.',
    (p) => p.spec?.limited?.limitResponse?.queuing?.queues ?? '<none>',
  ),
  column<V1PriorityLevelConfiguration>(
    'HandSize',
    'Queues a flow is dealt.',
    (p) => p.spec?.limited?.limitResponse?.queuing?.handSize ?? '<none>',
  ),
  column<V1PriorityLevelConfiguration>(
    'QueueLengthLimit',
    'Requests a queue holds.',
    (p) => p.spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? '<none>',
  ),
  AGE,
];

/** Columns of API services. */
export const apiServiceColumns: Column[] = [
  NAME,
  column<V1APIService>('Service', 'The service that serves this version.', (a) =>
    a.spec?.service ? `${a.spec.service.namespace}/${a.spec.service.name}` : 'Local',
  ),
  column<V1APIService>('Available', 'Whether this version is available.', (a) => {
    const c = (a.status?.conditions ?? []).find((x) => x.type === 'Available');
    if (!c) return 'Unknown';
    return c.status === 'True' ? 'True' : `${c.status} (${c.reason ?? ''})`;
  }),
  AGE,
];
