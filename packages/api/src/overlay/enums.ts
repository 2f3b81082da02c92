import type { Overlay } from './apply.js';

/** Enumerations and the defaults of list-map keys, for documents (`kubectl explain`) and server-side apply. */
export const enumOverlay: Overlay = {
  'io.k8s.api.core.v1': {
    Container: {
      imagePullPolicy: 'enum=Always|IfNotPresent|Never',
      terminationMessagePolicy: 'enum=FallbackToLogsOnError|File',
    },
    ContainerPort: { protocol: 'default=TCP enum=SCTP|TCP|UDP' },
    EndpointPort: { protocol: 'enum=SCTP|TCP|UDP' },
    HTTPGetAction: { scheme: 'enum=HTTP|HTTPS' },
    NodeSelectorRequirement: { operator: 'enum=DoesNotExist|Exists|Gt|In|Lt|NotIn' },
    NodeStatus: { phase: 'enum=Pending|Running|Terminated' },
    PersistentVolumeClaimSpec: { volumeMode: 'enum=Block|Filesystem' },
    PersistentVolumeClaimStatus: { phase: 'enum=Bound|Lost|Pending' },
    PersistentVolumeSpec: {
      persistentVolumeReclaimPolicy: 'enum=Delete|Recycle|Retain',
      volumeMode: 'enum=Block|Filesystem',
    },
    PodSpec: {
      dnsPolicy: 'enum=ClusterFirst|ClusterFirstWithHostNet|Default|None',
      preemptionPolicy: 'enum=Never|PreemptLowerPriority',
      restartPolicy: 'enum=Always|Never|OnFailure',
    },
    PodStatus: {
      phase: 'enum=Failed|Pending|Running|Succeeded|Unknown',
      qosClass: 'enum=BestEffort|Burstable|Guaranteed',
    },
    SecurityContext: { procMount: 'enum=Default|Unmasked' },
    ServicePort: { protocol: 'default=TCP enum=SCTP|TCP|UDP' },
    ServiceSpec: {
      externalTrafficPolicy: 'enum=Cluster|Local',
      internalTrafficPolicy: 'enum=Cluster|Local',
      ipFamilyPolicy: 'enum=PreferDualStack|RequireDualStack|SingleStack',
      sessionAffinity: 'enum=ClientIP|None',
      type: 'enum=ClusterIP|ExternalName|LoadBalancer|NodePort',
    },
    Taint: { effect: 'enum=NoExecute|NoSchedule|PreferNoSchedule' },
    Toleration: { effect: 'enum=NoExecute|NoSchedule|PreferNoSchedule', operator: 'enum=Equal|Exists' },
    TopologySpreadConstraint: { whenUnsatisfiable: 'enum=DoNotSchedule|ScheduleAnyway' },
  },
  'io.k8s.api.apps.v1': {
    DaemonSetUpdateStrategy: { type: 'enum=OnDelete|RollingUpdate' },
    DeploymentStrategy: { type: 'enum=Recreate|RollingUpdate' },
    StatefulSetSpec: { podManagementPolicy: 'enum=OrderedReady|Parallel' },
    StatefulSetUpdateStrategy: { type: 'enum=OnDelete|RollingUpdate' },
  },
  'io.k8s.api.batch.v1': {
    CronJobSpec: { concurrencyPolicy: 'enum=Allow|Forbid|Replace' },
    JobSpec: { podReplacementPolicy: 'enum=Failed|TerminatingOrFailed' },
  },
  'io.k8s.api.discovery.v1': { EndpointSlice: { addressType: 'enum=FQDN|IPv4|IPv6' } },
  'io.k8s.api.networking.v1': { HTTPIngressPath: { pathType: 'enum=Exact|ImplementationSpecific|Prefix' } },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1': {
    JSONSchemaProps: {
      additionalItems: 'any',
      additionalProperties: 'any',
      default: 'any',
      dependencies: 'any',
      enum: 'any',
      example: 'any',
      items: 'any',
    },
  },
};
