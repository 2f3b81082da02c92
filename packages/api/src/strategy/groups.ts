import type {
  V1APIService,
  V1CertificateSigningRequest,
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1CSIDriver,
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
  V1Role,
  V1RoleBinding,
  V1RuntimeClass,
  V1ServiceCIDR,
  V1StorageClass,
  V1ValidatingAdmissionPolicy,
  V1ValidatingAdmissionPolicyBinding,
  V1VolumeAttachment,
  V2HorizontalPodAutoscaler,
} from '../generated/types.js';
import type { Strategy } from '../resource.js';
import * as admission from '../validation/admissionregistration.js';
import { validateHorizontalPodAutoscaler, validatePodDisruptionBudget } from '../validation/autoscaling.js';
import * as csr from '../validation/certificates.js';
import { validateEndpointSlice, validateEndpointSliceUpdate } from '../validation/endpoints.js';
import { validateLease } from '../validation/lease.js';
import * as misc from '../validation/misc.js';
import * as networking from '../validation/networking.js';
import * as rbac from '../validation/rbac.js';
import { emptyStatus, statusStrategyOf, strategyOf } from './common.js';

export const plainStatusStrategy = statusStrategyOf<object>();

export const endpointSliceStrategy = strategyOf<V1EndpointSlice>({
  generation: true,
  desired: ['endpoints', 'ports', 'addressType'],
  validations: { create: validateEndpointSlice, update: validateEndpointSliceUpdate },
});
export const leaseStrategy = strategyOf<V1Lease>({ validations: { create: validateLease } });

export const roleStrategy = strategyOf<V1Role>({ validations: { create: rbac.validateRole } });
export const clusterRoleStrategy = strategyOf<V1ClusterRole>({ validations: { create: rbac.validateClusterRole } });
export const roleBindingStrategy = strategyOf<V1RoleBinding>({
  validations: { create: rbac.validateRoleBinding, update: rbac.validateRoleBindingUpdate },
});
export const clusterRoleBindingStrategy = strategyOf<V1ClusterRoleBinding>({
  validations: { create: rbac.validateClusterRoleBinding, update: rbac.validateClusterRoleBindingUpdate },
});

const csrBase = strategyOf<V1CertificateSigningRequest>({
  initialStatus: emptyStatus,
  validations: { create: csr.validateCertificateSigningRequest, update: csr.validateCsrUpdate },
  update(now, old) {
    if (old.spec) now.spec = old.spec;
  },
});

/** Signing requests carry who asked for them, as the server saw it. */
export const csrStrategy: Strategy = {
  ...csrBase,
  prepareForCreate(obj, ctx) {
    csrBase.prepareForCreate?.(obj, ctx);
    const { spec } = obj as unknown as V1CertificateSigningRequest;
    delete spec.username;
    delete spec.uid;
    delete spec.groups;
    delete spec.extra;
    if (!ctx.user) return;
    spec.username = ctx.user.name;
    if (ctx.user.groups.length > 0) spec.groups = ctx.user.groups;
    if (ctx.user.uid) spec.uid = ctx.user.uid;
    if (ctx.user.extra && Object.keys(ctx.user.extra).length > 0) spec.extra = ctx.user.extra;
  },
};

const now = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

function stampConditions(c: V1CertificateSigningRequest, old: V1CertificateSigningRequest): void {
  for (const condition of c.status?.conditions ?? []) {
    const before = old.status?.conditions?.find((x) => x.type === condition.type);
    condition.lastUpdateTime ??= before?.lastUpdateTime ?? now();
    condition.lastTransitionTime ??= before && before.status === condition.status ? before.lastTransitionTime : now();
  }
}

/** csr/status: the certificate and the Failed condition; decisions are taken through approval. */
export const csrStatusStrategy = statusStrategyOf<V1CertificateSigningRequest>(csr.validateCsrStatus, (c, old) => {
  const decisions = (x: V1CertificateSigningRequest) =>
    (x.status?.conditions ?? []).filter((k) => k.type === 'Approved' || k.type === 'Denied');
  const others = (c.status?.conditions ?? []).filter((k) => k.type !== 'Approved' && k.type !== 'Denied');
  c.status ??= {};
  const conditions = [...decisions(old), ...others];
  if (conditions.length > 0) c.status.conditions = conditions;
  stampConditions(c, old);
});

/** csr/approval: conditions only. */
export const csrApprovalStrategy = statusStrategyOf<V1CertificateSigningRequest>(csr.validateCsrStatus, (c, old) => {
  const conditions = c.status?.conditions;
  c.status = { ...old.status, ...(conditions ? { conditions } : {}) };
  stampConditions(c, old);
});

export const ingressStrategy = strategyOf<V1Ingress>({
  initialStatus: () => ({ loadBalancer: {} }),
  generation: true,
  validations: { create: networking.validateIngress },
});
export const ingressClassStrategy = strategyOf<V1IngressClass>({
  generation: true,
  validations: { create: networking.validateIngressClass, update: networking.validateIngressClassUpdate },
});
export const networkPolicyStrategy = strategyOf<V1NetworkPolicy>({
  generation: true,
  validations: { create: networking.validateNetworkPolicy },
});
export const ipAddressStrategy = strategyOf<V1IPAddress>({
  validations: { create: networking.validateIpAddress, update: networking.validateIpAddressUpdate },
});
export const serviceCidrStrategy = strategyOf<V1ServiceCIDR>({
  initialStatus: emptyStatus,
  validations: { create: networking.validateServiceCidr, update: networking.validateServiceCidrUpdate },
});

export const horizontalPodAutoscalerStrategy = strategyOf<V2HorizontalPodAutoscaler>({
  initialStatus: () => ({ desiredReplicas: 0 }),
  validations: { create: validateHorizontalPodAutoscaler },
});
export const podDisruptionBudgetStrategy = strategyOf<V1PodDisruptionBudget>({
  initialStatus: () => ({ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }),
  generation: true,
  validations: { create: validatePodDisruptionBudget },
});

export const priorityClassStrategy = strategyOf<V1PriorityClass>({
  generation: true,
  desired: ['value', 'globalDefault', 'description', 'preemptionPolicy'],
  validations: { create: misc.validatePriorityClass, update: misc.validatePriorityClassUpdate },
});
export const runtimeClassStrategy = strategyOf<V1RuntimeClass>({
  validations: { create: misc.validateRuntimeClass, update: misc.validateRuntimeClassUpdate },
});
export const storageClassStrategy = strategyOf<V1StorageClass>({
  validations: { create: misc.validateStorageClass, update: misc.validateStorageClassUpdate },
});
export const csiDriverStrategy = strategyOf<V1CSIDriver>({ validations: { create: misc.validateCsiDriver } });
export const volumeAttachmentStrategy = strategyOf<V1VolumeAttachment>({
  initialStatus: () => ({ attached: false }),
  validations: { create: misc.validateVolumeAttachment, update: misc.validateVolumeAttachmentUpdate },
});

export const flowSchemaStrategy = strategyOf<V1FlowSchema>({
  initialStatus: emptyStatus,
  generation: true,
  validations: { create: misc.validateFlowSchema },
});
export const priorityLevelStrategy = strategyOf<V1PriorityLevelConfiguration>({
  initialStatus: emptyStatus,
  generation: true,
  validations: { create: misc.validatePriorityLevel },
});
export const apiServiceStrategy = strategyOf<V1APIService>({
  initialStatus: emptyStatus,
  validations: { create: misc.validateApiService },
});

export const webhookStrategy = strategyOf<V1MutatingWebhookConfiguration>({
  generation: true,
  desired: ['webhooks'],
  validations: { create: admission.validateWebhookConfiguration },
});
export const admissionPolicyStrategy = strategyOf<V1ValidatingAdmissionPolicy>({
  initialStatus: emptyStatus,
  generation: true,
  validations: { create: admission.validateAdmissionPolicy },
});
export const admissionPolicyBindingStrategy = strategyOf<V1ValidatingAdmissionPolicyBinding>({
  generation: true,
  validations: { create: admission.validateAdmissionPolicyBinding },
});
