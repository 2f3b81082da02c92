import type {
  V1APIService,
  V1CertificateSigningRequest,
  V1ClusterRoleBinding,
  V1CSIDriver,
  V1CustomResourceDefinition,
  V1EndpointSlice,
  V1FlowSchema,
  V1Ingress,
  V1IngressClass,
  V1MutatingWebhookConfiguration,
  V1NetworkPolicy,
  V1PriorityClass,
  V1PriorityLevelConfiguration,
  V1RoleBinding,
  V1StorageClass,
  V1ValidatingAdmissionPolicy,
  V1ValidatingAdmissionPolicyBinding,
  V1ValidatingWebhookConfiguration,
  V2HorizontalPodAutoscaler,
} from '../generated/types.js';

/** Defaults of an endpoint slice. */
export function setEndpointSliceDefaults(slice: V1EndpointSlice): void {
  slice.endpoints ??= [];
  for (const port of slice.ports ?? []) {
    port.name ??= '';
    port.protocol ||= 'TCP';
  }
}

const DEFAULT_CPU_METRIC = () => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
});

/** Defaults of a horizontal pod autoscaler (v2): one replica at least, 80 % CPU, the usual scaling rules. */
export function setHorizontalPodAutoscalerDefaults(hpa: V2HorizontalPodAutoscaler): void {
  hpa.spec ??= { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } };
  const { spec } = hpa;
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length) spec.metrics = [DEFAULT_CPU_METRIC()];
  if (!spec.behavior) return;
  const up = spec.behavior.scaleUp;
  if (up) {
    up.stabilizationWindowSeconds ??= 0;
    up.selectPolicy ??= 'Max';
    if (!up.policies?.length) {
      up.policies = [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ];
    }
  } else {
    spec.behavior.scaleUp = {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ],
    };
  }
  spec.behavior.scaleDown ??= {};
  const down = spec.behavior.scaleDown;
  down.selectPolicy ??= 'Max';
  if (!down.policies?.length) down.policies = [{ type: 'Percent', value: 100, periodSeconds: 15 }];
}

/** Defaults of an ingress: none but an empty spec. */
export function setIngressDefaults(ingress: V1Ingress): void {
  ingress.spec ??= {};
  ingress.status ??= {};
  ingress.status.loadBalancer ??= {};
}

/** Defaults of an ingress class: parameters are cluster-wide. */
export function setIngressClassDefaults(c: V1IngressClass): void {
  if (c.spec?.parameters) c.spec.parameters.scope ??= 'Cluster';
}

/** Defaults of a network policy: TCP ports; policyTypes by which rules there are. */
export function setNetworkPolicyDefaults(policy: V1NetworkPolicy): void {
  policy.spec ??= { podSelector: {} };
  const { spec } = policy;
  spec.podSelector ??= {};
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
  }
  if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
}

const RBAC = 'rbac.authorization.k8s.io';

/** Defaults of role bindings: the API groups of the role and the subjects. */
export function setRoleBindingDefaults(binding: V1RoleBinding | V1ClusterRoleBinding): void {
  if (binding.roleRef) binding.roleRef.apiGroup ||= RBAC;
  for (const subject of binding.subjects ?? []) {
    if (subject.apiGroup) continue;
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup = RBAC;
  }
}

/** Defaults of a storage class. */
export function setStorageClassDefaults(sc: V1StorageClass): void {
  sc.reclaimPolicy ??= 'Delete';
  sc.volumeBindingMode ??= 'Immediate';
}

/** Defaults of a CSI driver. */
export function setCsiDriverDefaults(driver: V1CSIDriver): void {
  driver.spec ??= {};
  const { spec } = driver;
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
}

/** Defaults of a priority class. */
export function setPriorityClassDefaults(pc: V1PriorityClass): void {
  pc.value ??= 0;
  pc.preemptionPolicy ??= 'PreemptLowerPriority';
}

/** Defaults of a signing request. */
export function setCertificateSigningRequestDefaults(csr: V1CertificateSigningRequest): void {
  csr.spec ??= { request: '', signerName: '' };
  csr.status ??= {};
}

/** Defaults of webhook configurations. */
export function setWebhookDefaults(
  configuration: V1MutatingWebhookConfiguration | V1ValidatingWebhookConfiguration,
): void {
  for (const webhook of configuration.webhooks ?? []) {
    webhook.failurePolicy ??= 'Fail';
    webhook.matchPolicy ??= 'Equivalent';
    webhook.namespaceSelector ??= {};
    webhook.objectSelector ??= {};
    webhook.timeoutSeconds ??= 10;
    for (const rule of webhook.rules ?? []) rule.scope ??= '*';
    if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443;
    if ('reinvocationPolicy' in webhook || configuration.kind === 'MutatingWebhookConfiguration') {
      (webhook as { reinvocationPolicy?: string }).reinvocationPolicy ??= 'Never';
    }
  }
}

/** Defaults of a validating admission policy. */
export function setValidatingAdmissionPolicyDefaults(policy: V1ValidatingAdmissionPolicy): void {
  policy.spec ??= {};
  policy.spec.failurePolicy ??= 'Fail';
  const match = policy.spec.matchConstraints;
  if (match) setMatchResourcesDefaults(match);
}

type MatchResources = NonNullable<NonNullable<V1ValidatingAdmissionPolicy['spec']>['matchConstraints']>;

function setMatchResourcesDefaults(match: MatchResources): void {
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
}

/** Defaults of a binding of a validating admission policy. */
export function setValidatingAdmissionPolicyBindingDefaults(binding: V1ValidatingAdmissionPolicyBinding): void {
  if (binding.spec?.matchResources) setMatchResourcesDefaults(binding.spec.matchResources);
}

/** Defaults of an API service. */
export function setApiServiceDefaults(service: V1APIService): void {
  if (service.spec?.service) service.spec.service.port ??= 443;
}

/** Defaults of a flow schema. */
export function setFlowSchemaDefaults(fs: V1FlowSchema): void {
  fs.spec ??= { priorityLevelConfiguration: { name: '' } };
  if (!fs.spec.matchingPrecedence) fs.spec.matchingPrecedence = 1000;
}

/** Defaults of a priority level (v1). */
export function setPriorityLevelConfigurationDefaults(plc: V1PriorityLevelConfiguration): void {
  const exempt = plc.spec?.exempt;
  if (plc.spec?.type === 'Exempt') {
    plc.spec.exempt ??= {};
    plc.spec.exempt.nominalConcurrencyShares ??= 0;
    plc.spec.exempt.lendablePercent ??= 0;
  } else if (exempt) {
    exempt.nominalConcurrencyShares ??= 0;
    exempt.lendablePercent ??= 0;
  }
  const limited = plc.spec?.limited;
  if (!limited) return;
  limited.nominalConcurrencyShares ??= 30;
  limited.lendablePercent ??= 0;
  const queuing = limited.limitResponse?.queuing;
  if (!queuing) return;
  queuing.handSize ||= 8;
  queuing.queues ||= 64;
  queuing.queueLengthLimit ||= 50;
}

/** Defaults of a custom resource definition: names that follow from the kind, no conversion. */
export function setCustomResourceDefinitionDefaults(crd: V1CustomResourceDefinition): void {
  const { spec } = crd;
  if (!spec) return;
  spec.scope ||= 'Namespaced';
  spec.names ??= { kind: '', plural: '' };
  if (spec.names.kind) {
    spec.names.singular ||= spec.names.kind.toLowerCase();
    spec.names.listKind ||= `${spec.names.kind}List`;
  }
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) service.port ??= 443;
}
