import type { Schema } from '@kubelab/apimachinery';

const REF_PREFIX = '#/components/schemas/';

/** How the types of an old version come from those of a newer one. */
interface Legacy {
  from: string;
  to: string;
  /** Group and version of the old kinds. */
  group: string;
  version: string;
  /** Types to copy; references between them follow, others stay. */
  types: string[];
  /** Changes after copying. */
  edit?(types: Record<string, Schema>): void;
}

const prop = (schema: Schema | undefined): Record<string, Schema> => {
  if (!schema) throw new Error('legacy: no such type');
  schema.properties ??= {};
  return schema.properties;
};

function rename(properties: Record<string, Schema>, from: string, to: string): void {
  const schema = properties[from];
  if (!schema) throw new Error(`legacy: no property ${from}`);
  delete properties[from];
  properties[to] = schema;
}

const INGRESS_TYPES = [
  'HTTPIngressPath',
  'HTTPIngressRuleValue',
  'Ingress',
  'IngressBackend',
  'IngressList',
  'IngressLoadBalancerIngress',
  'IngressLoadBalancerStatus',
  'IngressPortStatus',
  'IngressRule',
  'IngressSpec',
  'IngressStatus',
  'IngressTLS',
];

function oldIngress(types: Record<string, Schema>): void {
  const spec = prop(types.IngressSpec);
  rename(spec, 'defaultBackend', 'backend');
  const path = types.HTTPIngressPath;
  if (path) path.required = ['backend'];
  types.IngressBackend = {
    description: 'IngressBackend describes all endpoints for a given service and port.',
    type: 'object',
    properties: {
      resource: {
        description: 'Resource is an ObjectRef to another Kubernetes resource in the namespace of the Ingress object.',
        $ref: `${REF_PREFIX}io.k8s.api.core.v1.TypedLocalObjectReference`,
      },
      serviceName: { description: 'Specifies the name of the referenced service.', type: 'string' },
      servicePort: {
        description: 'Specifies the port of the referenced service.',
        $ref: `${REF_PREFIX}io.k8s.apimachinery.pkg.util.intstr.IntOrString`,
      },
    },
  };
}

const FLOWCONTROL_TYPES = [
  'ExemptPriorityLevelConfiguration',
  'FlowDistinguisherMethod',
  'FlowSchema',
  'FlowSchemaCondition',
  'FlowSchemaList',
  'FlowSchemaSpec',
  'FlowSchemaStatus',
  'GroupSubject',
  'LimitResponse',
  'LimitedPriorityLevelConfiguration',
  'NonResourcePolicyRule',
  'PolicyRulesWithSubjects',
  'PriorityLevelConfiguration',
  'PriorityLevelConfigurationCondition',
  'PriorityLevelConfigurationList',
  'PriorityLevelConfigurationReference',
  'PriorityLevelConfigurationSpec',
  'PriorityLevelConfigurationStatus',
  'QueuingConfiguration',
  'ResourcePolicyRule',
  'ServiceAccountSubject',
  'Subject',
  'UserSubject',
];

const oldShares = (types: Record<string, Schema>): void =>
  rename(prop(types.LimitedPriorityLevelConfiguration), 'nominalConcurrencyShares', 'assuredConcurrencyShares');

const HPA_TYPES = [
  'ContainerResourceMetricSource',
  'ContainerResourceMetricStatus',
  'CrossVersionObjectReference',
  'ExternalMetricSource',
  'ExternalMetricStatus',
  'HPAScalingPolicy',
  'HPAScalingRules',
  'HorizontalPodAutoscaler',
  'HorizontalPodAutoscalerBehavior',
  'HorizontalPodAutoscalerCondition',
  'HorizontalPodAutoscalerList',
  'HorizontalPodAutoscalerSpec',
  'HorizontalPodAutoscalerStatus',
  'MetricIdentifier',
  'MetricSpec',
  'MetricStatus',
  'MetricTarget',
  'MetricValueStatus',
  'ObjectMetricSource',
  'ObjectMetricStatus',
  'PodsMetricSource',
  'PodsMetricStatus',
  'ResourceMetricSource',
  'ResourceMetricStatus',
];

const QUANTITY: Schema = { $ref: `${REF_PREFIX}io.k8s.apimachinery.pkg.api.resource.Quantity` };
const SELECTOR: Schema = { $ref: `${REF_PREFIX}io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector` };
const INT32: Schema = { type: 'integer', format: 'int32' };
const STRING: Schema = { type: 'string' };

/** autoscaling/v2beta1: metric targets are flat fields of each source. */
function flatMetrics(types: Record<string, Schema>): void {
  const reference: Schema = { $ref: `${REF_PREFIX}io.k8s.api.autoscaling.v2beta1.CrossVersionObjectReference` };
  const flat = (name: string, properties: Record<string, Schema>, required: string[]): void => {
    types[name] = { description: types[name]?.description ?? '', type: 'object', properties, required };
  };
  const resource = { name: STRING, targetAverageUtilization: INT32, targetAverageValue: QUANTITY };
  const current = { name: STRING, currentAverageUtilization: INT32, currentAverageValue: QUANTITY };
  flat('ResourceMetricSource', resource, ['name']);
  flat('ResourceMetricStatus', current, ['name', 'currentAverageValue']);
  flat('ContainerResourceMetricSource', { ...resource, container: STRING }, ['name', 'container']);
  flat('ContainerResourceMetricStatus', { ...current, container: STRING }, [
    'name',
    'currentAverageValue',
    'container',
  ]);
  const pods = { metricName: STRING, selector: SELECTOR };
  flat('PodsMetricSource', { ...pods, targetAverageValue: QUANTITY }, ['metricName', 'targetAverageValue']);
  flat('PodsMetricStatus', { ...pods, currentAverageValue: QUANTITY }, ['metricName', 'currentAverageValue']);
  const object = { target: reference, metricName: STRING, selector: SELECTOR, averageValue: QUANTITY };
  flat('ObjectMetricSource', { ...object, targetValue: QUANTITY }, ['target', 'metricName', 'targetValue']);
  flat('ObjectMetricStatus', { ...object, currentValue: QUANTITY }, ['target', 'metricName', 'currentValue']);
  const external = { metricName: STRING, metricSelector: SELECTOR };
  flat('ExternalMetricSource', { ...external, targetValue: QUANTITY, targetAverageValue: QUANTITY }, ['metricName']);
  flat('ExternalMetricStatus', { ...external, currentValue: QUANTITY, currentAverageValue: QUANTITY }, [
    'metricName',
    'currentValue',
  ]);
  for (const gone of [
    'HPAScalingPolicy',
    'HPAScalingRules',
    'HorizontalPodAutoscalerBehavior',
    'MetricIdentifier',
    'MetricTarget',
    'MetricValueStatus',
  ]) {
    delete types[gone];
  }
  delete prop(types.HorizontalPodAutoscalerSpec).behavior;
}

const legacy: Legacy[] = [
  {
    from: 'io.k8s.api.networking.v1',
    to: 'io.k8s.api.extensions.v1beta1',
    group: 'extensions',
    version: 'v1beta1',
    types: INGRESS_TYPES,
    edit: oldIngress,
  },
  {
    from: 'io.k8s.api.networking.v1',
    to: 'io.k8s.api.networking.v1beta1',
    group: 'networking.k8s.io',
    version: 'v1beta1',
    types: [
      ...INGRESS_TYPES,
      'IngressClass',
      'IngressClassList',
      'IngressClassParametersReference',
      'IngressClassSpec',
    ],
    edit: oldIngress,
  },
  {
    from: 'io.k8s.api.batch.v1',
    to: 'io.k8s.api.batch.v1beta1',
    group: 'batch',
    version: 'v1beta1',
    types: ['CronJob', 'CronJobList', 'CronJobSpec', 'CronJobStatus', 'JobTemplateSpec'],
  },
  {
    from: 'io.k8s.api.policy.v1',
    to: 'io.k8s.api.policy.v1beta1',
    group: 'policy',
    version: 'v1beta1',
    types: [
      'PodDisruptionBudget',
      'PodDisruptionBudgetList',
      'PodDisruptionBudgetSpec',
      'PodDisruptionBudgetStatus',
      'Eviction',
    ],
  },
  {
    from: 'io.k8s.api.discovery.v1',
    to: 'io.k8s.api.discovery.v1beta1',
    group: 'discovery.k8s.io',
    version: 'v1beta1',
    types: [
      'Endpoint',
      'EndpointConditions',
      'EndpointHints',
      'EndpointPort',
      'EndpointSlice',
      'EndpointSliceList',
      'ForNode',
      'ForZone',
    ],
    edit: (types) => {
      const endpoint = prop(types.Endpoint);
      rename(endpoint, 'deprecatedTopology', 'topology');
      delete endpoint.zone;
    },
  },
  {
    from: 'io.k8s.api.events.v1',
    to: 'io.k8s.api.events.v1beta1',
    group: 'events.k8s.io',
    version: 'v1beta1',
    types: ['Event', 'EventList', 'EventSeries'],
  },
  {
    from: 'io.k8s.api.flowcontrol.v1beta3',
    to: 'io.k8s.api.flowcontrol.v1beta2',
    group: 'flowcontrol.apiserver.k8s.io',
    version: 'v1beta2',
    types: FLOWCONTROL_TYPES,
    edit: oldShares,
  },
  {
    from: 'io.k8s.api.flowcontrol.v1beta3',
    to: 'io.k8s.api.flowcontrol.v1beta1',
    group: 'flowcontrol.apiserver.k8s.io',
    version: 'v1beta1',
    types: FLOWCONTROL_TYPES,
    edit: oldShares,
  },
  {
    from: 'io.k8s.api.autoscaling.v2',
    to: 'io.k8s.api.autoscaling.v2beta2',
    group: 'autoscaling',
    version: 'v2beta2',
    types: HPA_TYPES,
  },
  {
    from: 'io.k8s.api.autoscaling.v2',
    to: 'io.k8s.api.autoscaling.v2beta1',
    group: 'autoscaling',
    version: 'v2beta1',
    types: HPA_TYPES,
    edit: flatMetrics,
  },
];

/**
 * Adds the definitions of versions that the pinned client-node no longer carries, which manifests and clients still
 * use: copies of the newer version's types with the differences applied.
 */
export function addLegacyDefinitions(definitions: Map<string, Schema>): void {
  for (const l of legacy) {
    const moved = new Map(l.types.map((t) => [`"${REF_PREFIX}${l.from}.${t}"`, `"${REF_PREFIX}${l.to}.${t}"`]));
    const copies: Record<string, Schema> = {};
    for (const type of l.types) {
      const source = definitions.get(`${l.from}.${type}`);
      if (!source) throw new Error(`legacy: no definition ${l.from}.${type}`);
      const text = JSON.stringify(source).replace(/"#\/components\/schemas\/[^"]+"/g, (ref) => moved.get(ref) ?? ref);
      const copy = JSON.parse(text) as Schema;
      const gvk = copy['x-kubernetes-group-version-kind'];
      if (gvk) copy['x-kubernetes-group-version-kind'] = gvk.map((g) => ({ ...g, group: l.group, version: l.version }));
      copies[type] = copy;
    }
    l.edit?.(copies);
    for (const [type, schema] of Object.entries(copies)) definitions.set(`${l.to}.${type}`, schema);
  }
}
