import type {
  V1HorizontalPodAutoscaler,
  V2HorizontalPodAutoscaler,
  V2MetricSpec,
  V2MetricStatus,
  V2MetricTarget,
} from '../generated/types.js';

const METRICS = 'autoscaling.alpha.kubernetes.io/metrics';
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior';

const cpuTarget = (m: V2MetricSpec): number | undefined =>
  m.type === 'Resource' && m.resource?.name === 'cpu' ? m.resource.target.averageUtilization : undefined;

function parseAnnotation<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    // What a client wrote there and is no JSON has no meaning for newer versions.
    return undefined;
  }
}

/** autoscaling/v1 knows CPU only; everything else is carried in annotations, as Kubernetes does. */
export function hpaV1ToStorage(old: V1HorizontalPodAutoscaler): V2HorizontalPodAutoscaler {
  const { targetCPUUtilizationPercentage: percent, ...spec } = old.spec ?? {
    maxReplicas: 0,
    scaleTargetRef: { kind: '', name: '' },
  };
  const { [METRICS]: metricsText, [BEHAVIOR]: behaviorText, ...annotations } = old.metadata?.annotations ?? {};
  const cpu: V2MetricSpec[] =
    percent === undefined
      ? []
      : [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } } }];
  const others = parseAnnotation<V2MetricSpec[]>(metricsText);
  const metrics = [...cpu, ...(Array.isArray(others) ? others : [])];
  const behavior = parseAnnotation<NonNullable<V2HorizontalPodAutoscaler['spec']>['behavior']>(behaviorText);
  const metadata = { ...old.metadata, annotations };
  if (Object.keys(annotations).length === 0) delete (metadata as { annotations?: unknown }).annotations;
  const { currentCPUUtilizationPercentage: current, ...status } = old.status ?? {
    currentReplicas: 0,
    desiredReplicas: 0,
  };
  return {
    ...old,
    metadata,
    spec: { ...spec, ...(metrics.length > 0 ? { metrics } : {}), ...(behavior ? { behavior } : {}) },
    status: {
      ...status,
      ...(current === undefined
        ? {}
        : {
            currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } }],
          }),
    },
  };
}

/** A stored autoscaler as autoscaling/v1. */
export function hpaV1FromStorage(stored: V2HorizontalPodAutoscaler): V1HorizontalPodAutoscaler {
  const { metrics = [], behavior, ...spec } = stored.spec ?? { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } };
  const cpu = metrics.find((m) => cpuTarget(m) !== undefined);
  const others = metrics.filter((m) => m !== cpu);
  const annotations = {
    ...stored.metadata?.annotations,
    ...(others.length > 0 ? { [METRICS]: JSON.stringify(others) } : {}),
    ...(behavior ? { [BEHAVIOR]: JSON.stringify(behavior) } : {}),
  };
  const { currentMetrics, conditions: _conditions, ...status } = stored.status ?? { desiredReplicas: 0 };
  const current = currentMetrics?.find((m) => m.type === 'Resource' && m.resource?.name === 'cpu');
  const utilization = current?.resource?.current.averageUtilization;
  return {
    ...stored,
    metadata: { ...stored.metadata, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
    spec: { ...spec, ...(cpu ? { targetCPUUtilizationPercentage: cpuTarget(cpu) } : {}) },
    status: {
      currentReplicas: 0,
      ...status,
      ...(utilization === undefined ? {} : { currentCPUUtilizationPercentage: utilization }),
    },
  };
}

type Flat = Record<string, unknown>;
interface OldHpa extends Omit<V2HorizontalPodAutoscaler, 'spec' | 'status'> {
  spec?: Omit<NonNullable<V2HorizontalPodAutoscaler['spec']>, 'metrics'> & { metrics?: Flat[] };
  status?: Omit<NonNullable<V2HorizontalPodAutoscaler['status']>, 'currentMetrics'> & { currentMetrics?: Flat[] };
}

const SOURCES = ['resource', 'containerResource', 'pods', 'object', 'external'] as const;
const defined = (o: Flat): Flat => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));

function targetOf(s: Flat): V2MetricTarget {
  const utilization = s.targetAverageUtilization as number | undefined;
  const average = (s.targetAverageValue ?? s.averageValue) as string | undefined;
  const value = s.targetValue as string | undefined;
  const type = utilization !== undefined ? 'Utilization' : average !== undefined ? 'AverageValue' : 'Value';
  return defined({ type, averageUtilization: utilization, averageValue: average, value }) as unknown as V2MetricTarget;
}

/** One source of autoscaling/v2beta1 (flat) as v2 has it (metric, target). */
function sourceToStorage(kind: string, s: Flat, current: boolean): Flat {
  const numbers = current
    ? {
        current: defined({
          averageUtilization: s.currentAverageUtilization,
          averageValue: s.currentAverageValue ?? s.averageValue,
          value: s.currentValue,
        }),
      }
    : { target: targetOf(s) };
  if (kind === 'resource') return { name: s.name, ...numbers };
  if (kind === 'containerResource') return { name: s.name, container: s.container, ...numbers };
  const metric = defined({ name: s.metricName, selector: s.metricSelector ?? s.selector });
  return kind === 'object' ? { describedObject: s.target, metric, ...numbers } : { metric, ...numbers };
}

function sourceFromStorage(kind: string, s: Flat, current: boolean): Flat {
  const numbers = ((current ? s.current : s.target) ?? {}) as {
    averageUtilization?: number;
    averageValue?: string;
    value?: string;
  };
  const prefix = current ? 'current' : 'target';
  const metric = (s.metric ?? {}) as { name?: string; selector?: unknown };
  switch (kind) {
    case 'resource':
    case 'containerResource':
      return defined({
        name: s.name,
        container: s.container,
        [`${prefix}AverageUtilization`]: numbers.averageUtilization,
        [`${prefix}AverageValue`]: numbers.averageValue,
      });
    case 'pods':
      return defined({
        metricName: metric.name,
        selector: metric.selector,
        [`${prefix}AverageValue`]: numbers.averageValue,
      });
    case 'object':
      return defined({
        target: s.describedObject,
        metricName: metric.name,
        selector: metric.selector,
        [`${prefix}Value`]: numbers.value ?? '0',
        averageValue: numbers.averageValue,
      });
    default:
      return defined({
        metricName: metric.name,
        metricSelector: metric.selector,
        [`${prefix}Value`]: numbers.value,
        [`${prefix}AverageValue`]: numbers.averageValue,
      });
  }
}

function mapMetrics(metrics: Flat[], change: (kind: string, s: Flat) => Flat): Flat[] {
  return metrics.map((m) => {
    const out: Flat = { type: m.type };
    for (const kind of SOURCES) if (m[kind]) out[kind] = change(kind, m[kind] as Flat);
    return out;
  });
}

/** autoscaling/v2beta1 to v2. */
export function hpaV2beta1ToStorage(old: OldHpa): V2HorizontalPodAutoscaler {
  const spec = old.spec?.metrics
    ? { ...old.spec, metrics: mapMetrics(old.spec.metrics, (k, s) => sourceToStorage(k, s, false)) }
    : old.spec;
  const status = old.status?.currentMetrics
    ? { ...old.status, currentMetrics: mapMetrics(old.status.currentMetrics, (k, s) => sourceToStorage(k, s, true)) }
    : old.status;
  return { ...old, spec, status } as unknown as V2HorizontalPodAutoscaler;
}

/** v2 to autoscaling/v2beta1. */
export function hpaV2beta1FromStorage(stored: V2HorizontalPodAutoscaler): OldHpa {
  const { behavior: _behavior, ...rest } = stored.spec ?? { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } };
  const flat = (list: (V2MetricSpec | V2MetricStatus)[], current: boolean): Flat[] =>
    mapMetrics(list as unknown as Flat[], (k, s) => sourceFromStorage(k, s, current));
  const spec = { ...rest, ...(rest.metrics ? { metrics: flat(rest.metrics, false) } : {}) };
  const status = stored.status?.currentMetrics
    ? { ...stored.status, currentMetrics: flat(stored.status.currentMetrics, true) }
    : stored.status;
  return { ...stored, spec, status } as unknown as OldHpa;
}
