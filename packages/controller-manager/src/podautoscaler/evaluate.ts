import type { V2MetricSpec, V2MetricStatus, V2MetricTarget, V2MetricValueStatus } from '@kubelab/api';
import { labelSelectorAsSelector, Quantity } from '@kubelab/apimachinery';
import type { Pod } from '../framework/kinds.js';
import type { MetricsClient } from './metrics-client.js';
import { type Grouped, type GroupOptions, groupPods, type PodMetric, replicasForRatio } from './replicas.js';

export interface Evaluation {
  replicas: number;
  /** As in events: `cpu resource utilization (percentage of request)`. */
  description: string;
  status: V2MetricStatus;
}

export interface EvaluateInput {
  namespace: string;
  /** Text of the target's selector. */
  selector: string;
  pods: Pod[];
  current: number;
  statusReplicas: number;
  tolerance: number;
  group: Omit<GroupOptions, 'isCpu'>;
  /** Plural of a kind, for metrics of objects. */
  resourceOf(apiVersion: string | undefined, kind: string): Promise<string>;
}

const milliText = (milli: number): string => Quantity.parse(`${Math.round(milli)}m`).toString();
const milliOf = (quantity: string | undefined): number =>
  quantity ? Number(Quantity.parse(quantity).milliValue()) : 0;
const selectorText = (selector: Parameters<typeof labelSelectorAsSelector>[0] | undefined): string =>
  selector ? labelSelectorAsSelector(selector).toString() : '';

/** Asks one metric of an autoscaler for the number of replicas. Throws when it cannot tell. */
export async function evaluateMetric(
  metric: V2MetricSpec,
  metrics: MetricsClient,
  input: EvaluateInput,
): Promise<Evaluation> {
  const { namespace, selector } = input;
  if (metric.resource) {
    const { name, target } = metric.resource;
    const samples = await metrics.podResource(namespace, selector, name);
    const { replicas, current } = byResource(samples, name, target, undefined, input);
    const suffix = target.type === 'Utilization' ? 'utilization (percentage of request)' : '';
    return {
      replicas,
      description: `${name} resource ${suffix}`.trim(),
      status: { type: 'Resource', resource: { name, current } },
    };
  }
  if (metric.containerResource) {
    const { name, container, target } = metric.containerResource;
    const samples = await metrics.podResource(namespace, selector, name, container);
    const { replicas, current } = byResource(samples, name, target, container, input);
    const status = { type: 'ContainerResource', containerResource: { name, container, current } };
    return { replicas, description: `${name} container resource of ${container}`, status };
  }
  if (metric.pods) {
    const { metric: id, target } = metric.pods;
    const samples = await metrics.podCustom(namespace, id.name, selector, selectorText(id.selector));
    const grouped = groupPods(input.pods, samples, { ...input.group, isCpu: false });
    const { replicas, averageMilli } = byAmount(samples, grouped, milliOf(target.averageValue), input);
    const current = { averageValue: milliText(averageMilli) };
    return { replicas, description: `pods metric ${id.name}`, status: { type: 'Pods', pods: { metric: id, current } } };
  }
  if (metric.object) {
    const { metric: id, target, describedObject } = metric.object;
    const resource = await input.resourceOf(describedObject.apiVersion, describedObject.kind);
    const milli = await metrics.object(namespace, resource, describedObject.name, id.name, selectorText(id.selector));
    const { replicas, current } = bySingle(milli, target, input);
    const status = { type: 'Object', object: { metric: id, describedObject, current } };
    return { replicas, description: `${describedObject.kind} metric ${id.name}`, status };
  }
  if (metric.external) {
    const { metric: id, target } = metric.external;
    const milli = await metrics.external(namespace, id.name, selectorText(id.selector));
    const { replicas, current } = bySingle(milli, target, input);
    return {
      replicas,
      description: `external metric ${id.name}`,
      status: { type: 'External', external: { metric: id, current } },
    };
  }
  throw new Error(`unknown metric source type "${metric.type}"`);
}

interface Result {
  replicas: number;
  current: V2MetricValueStatus;
}

function byResource(
  samples: Map<string, PodMetric>,
  resource: string,
  target: V2MetricTarget,
  container: string | undefined,
  input: EvaluateInput,
): Result {
  const grouped = groupPods(input.pods, samples, { ...input.group, isCpu: resource === 'cpu' });
  const counted = countedSamples(samples, grouped);
  const total = [...counted.values()].reduce((sum, { milli }) => sum + milli, 0);
  const averageMilli = counted.size > 0 ? total / counted.size : 0;
  if (target.averageUtilization === undefined) {
    const { replicas } = byAmount(samples, grouped, milliOf(target.averageValue), input);
    return { replicas, current: { averageValue: milliText(averageMilli) } };
  }
  const wanted = target.averageUtilization;
  const requests = new Map(input.pods.map((pod) => [pod.metadata.name, requestMilli(pod, resource, container)]));
  const utilization = (assumed: { count: number; share: number }): number => {
    let used = total;
    let requested = 0;
    for (const name of counted.keys()) requested += requests.get(name) ?? 0;
    const names = [...grouped.missing, ...grouped.unready];
    const average =
      names.length > 0 ? names.reduce((sum, name) => sum + (requests.get(name) ?? 0), 0) / names.length : 0;
    requested += average * assumed.count;
    used += (average * assumed.share * Math.max(100, wanted)) / 100;
    return requested > 0 ? (used / requested) * 100 : 0;
  };
  if (counted.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  const replicas = replicasForRatio({
    current: input.current,
    grouped,
    tolerance: input.tolerance,
    ratio: (assumed) => utilization(assumed) / wanted,
  });
  const current = {
    averageUtilization: Math.trunc(utilization({ count: 0, share: 0 })),
    averageValue: milliText(averageMilli),
  };
  return { replicas, current };
}

function countedSamples(samples: Map<string, PodMetric>, grouped: Grouped): Map<string, PodMetric> {
  const unready = new Set(grouped.unready);
  return new Map([...samples].filter(([name]) => !unready.has(name) && !grouped.ignored.has(name)));
}

/** What the pod's containers request of a resource. Throws for a container without a request: there is no share of it. */
function requestMilli(pod: Pod, resource: string, container: string | undefined): number {
  const containers = pod.spec.containers.filter(({ name }) => container === undefined || name === container);
  return containers.reduce((sum, { name, resources }) => {
    const request = resources?.requests?.[resource];
    if (request === undefined)
      throw new Error(`missing request for ${resource} in container ${name} of Pod ${pod.metadata.name}`);
    return sum + milliOf(request);
  }, 0);
}

function byAmount(
  samples: Map<string, PodMetric>,
  grouped: Grouped,
  targetMilli: number,
  input: EvaluateInput,
): { replicas: number; averageMilli: number } {
  const counted = countedSamples(samples, grouped);
  if (counted.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  const total = [...counted.values()].reduce((sum, { milli }) => sum + milli, 0);
  const replicas = replicasForRatio({
    current: input.current,
    grouped,
    tolerance: input.tolerance,
    ratio: ({ count, share }) => (total + share * targetMilli) / (counted.size + count) / targetMilli,
  });
  return { replicas, averageMilli: total / counted.size };
}

/** A metric that is one number for all pods: shared out (AverageValue), or compared as it is (Value). */
function bySingle(milli: number, target: V2MetricTarget, input: EvaluateInput): Result {
  const { current: size, tolerance, statusReplicas } = input;
  if (target.type === 'AverageValue') {
    const wanted = milliOf(target.averageValue);
    const ratio = milli / (wanted * statusReplicas);
    const replicas = Math.abs(ratio - 1) <= tolerance ? size : Math.ceil(milli / wanted);
    return { replicas, current: { averageValue: milliText(statusReplicas > 0 ? milli / statusReplicas : milli) } };
  }
  const ratio = milli / milliOf(target.value);
  const ready = input.pods.filter((pod) => pod.status?.phase === 'Running').length;
  const replicas = Math.abs(ratio - 1) <= tolerance ? size : Math.ceil(ratio * ready);
  return { replicas, current: { value: milliText(milli) } };
}
