import type {
  V1Scale,
  V2HorizontalPodAutoscaler,
  V2HorizontalPodAutoscalerCondition,
  V2MetricStatus,
} from '@kubelab/api';
import { nowSecond, parseLabelSelector, semanticEqual, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { KindMapper } from '../discovery/index.js';
import { findCondition } from '../framework/conditions.js';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { HorizontalPodAutoscaler, Pod } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { groupOf } from '../framework/owner-reference.js';
import { messageOf } from '../framework/pod-control.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { decideReplicas, newHistory, type ScalingHistory } from './decide.js';
import { type EvaluateInput, type Evaluation, evaluateMetric } from './evaluate.js';
import { MetricsClient } from './metrics-client.js';

/** Scales workloads by their metrics (autoscaling/v2 HorizontalPodAutoscaler). */
export const horizontalPodAutoscalerController: ControllerDescriptor = {
  name: 'horizontal-pod-autoscaler-controller',
  aliases: ['horizontalpodautoscaling'],
  serviceAccount: 'horizontal-pod-autoscaler',
  create: newAutoscaler,
};

function newAutoscaler(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger, options } = context;
  const autoscalers = informers.informer<HorizontalPodAutoscaler>(gvr.horizontalpodautoscalers);
  const pods = informers.informer<Pod>(gvr.pods);
  const hpaClient = client.resource<V2HorizontalPodAutoscaler>(gvr.horizontalpodautoscalers);
  const metrics = new MetricsClient(client);
  const kinds = new KindMapper(client);
  const histories = new Map<string, ScalingHistory>();
  const again: Outcome = { requeueAfterMs: options.horizontalPodAutoscalerSyncPeriodMs };

  async function reconcile(key: string): Promise<Outcome> {
    const { namespace, name } = splitObjectKey(key);
    const hpa = autoscalers.lister.get(namespace, name);
    if (!hpa) {
      histories.delete(key);
      return undefined;
    }
    const status = new StatusBuilder(hpa);
    try {
      await scale(key, hpa, status);
    } catch (error) {
      logger.debug('Autoscaling failed', { hpa: key, error });
    }
    if (!semanticEqual(hpa.status ?? {}, status.value)) {
      await hpaClient.namespace(namespace).updateStatus({ ...hpa, status: status.value });
    }
    return again;
  }

  async function scale(key: string, hpa: HorizontalPodAutoscaler, status: StatusBuilder): Promise<void> {
    const target = hpa.spec.scaleTargetRef;
    const resource = await kinds.lookup(groupOf(target.apiVersion ?? ''), target.kind);
    const fail = (condition: string, reason: string, message: string): never => {
      recorder.event(hpa, 'Warning', reason, message);
      status.condition(condition, 'False', reason, message);
      throw new Error(message);
    };
    if (!resource) {
      const text = `no matches for kind "${target.kind}" in group "${groupOf(target.apiVersion ?? '')}"`;
      return fail(
        'AbleToScale',
        'FailedGetScale',
        `the HPA controller was unable to get the target's current scale: ${text}`,
      );
    }
    const targets = client.resource(resource).namespace(hpa.metadata.namespace);
    let current: V1Scale;
    try {
      current = await targets.subresource<V1Scale>(target.name, 'scale', 'GET');
    } catch (error) {
      return fail(
        'AbleToScale',
        'FailedGetScale',
        `the HPA controller was unable to get the target's current scale: ${messageOf(error)}`,
      );
    }
    status.condition(
      'AbleToScale',
      'True',
      'SucceededGetScale',
      "the HPA controller was able to get the target's current scale",
    );
    const size = current.spec?.replicas ?? 0;
    status.value.currentReplicas = current.status?.replicas ?? 0;
    const history = histories.get(key) ?? newHistory(size, Date.now());
    histories.set(key, history);
    const min = hpa.spec.minReplicas ?? 1;
    let next = size;
    let reason = '';
    if (size === 0 && min !== 0) {
      status.value.desiredReplicas = 0;
      status.condition(
        'ScalingActive',
        'False',
        'ScalingDisabled',
        'scaling is disabled since the replica count of the target is zero',
      );
      return;
    }
    if (size > hpa.spec.maxReplicas) {
      reason = 'Current number of replicas above Spec.MaxReplicas';
      next = hpa.spec.maxReplicas;
    } else if (size < min) {
      reason = 'Current number of replicas below Spec.MinReplicas';
      next = min;
    } else {
      const best = await evaluateAll(hpa, current, status);
      const decision = decideReplicas(
        hpa,
        best.replicas,
        size,
        history,
        options.horizontalPodAutoscalerDownscaleStabilizationMs,
        Date.now(),
      );
      const { limited, stability } = decision;
      status.condition('AbleToScale', 'True', stability.reason, stability.message);
      status.condition('ScalingLimited', limited.status, limited.reason, limited.message);
      next = decision.replicas;
      reason = next > size ? `${best.description} above target` : 'All metrics below target';
      if (next !== size)
        history[next > size ? 'ups' : 'downs'].push({ atMs: Date.now(), change: Math.abs(next - size) });
    }
    status.value.desiredReplicas = next;
    if (next === size) return;
    try {
      await targets.subresource(target.name, 'scale', 'PUT', { ...current, spec: { ...current.spec, replicas: next } });
    } catch (error) {
      const text = `the HPA controller was unable to update the target scale: ${messageOf(error)}`;
      return fail('AbleToScale', 'FailedUpdateScale', text);
    }
    status.value.lastScaleTime = nowSecond();
    status.condition(
      'AbleToScale',
      'True',
      'SucceededRescale',
      `the HPA controller was able to update the target scale to ${next}`,
    );
    recorder.event(hpa, 'Normal', 'SuccessfulRescale', `New size: ${next}; reason: ${reason}`);
  }

  /** The metric that asks for the most replicas. A metric that fails must not cause scaling down. */
  async function evaluateAll(
    hpa: HorizontalPodAutoscaler,
    scaleNow: V1Scale,
    status: StatusBuilder,
  ): Promise<Evaluation> {
    const { namespace } = hpa.metadata;
    const selector = scaleNow.status?.selector ?? '';
    if (selector === '') throw new Error('selector is required');
    const size = scaleNow.spec?.replicas ?? 0;
    const input: EvaluateInput = {
      namespace,
      selector,
      pods: pods.lister.list(namespace, parseLabelSelector(selector)),
      current: size,
      statusReplicas: scaleNow.status?.replicas ?? 0,
      tolerance: options.horizontalPodAutoscalerTolerance,
      group: {
        nowMs: Date.now(),
        cpuInitializationMs: options.horizontalPodAutoscalerCpuInitializationPeriodMs,
        initialReadinessDelayMs: options.horizontalPodAutoscalerInitialReadinessDelayMs,
      },
      async resourceOf(apiVersion, kind) {
        const found = await kinds.lookup(groupOf(apiVersion ?? ''), kind);
        if (!found) throw new Error(`no matches for kind "${kind}" in "${apiVersion}"`);
        return found.group ? `${found.resource}.${found.group}` : found.resource;
      },
    };
    const specs = hpa.spec.metrics ?? [];
    const evaluations: Evaluation[] = [];
    const errors: { reason: string; message: string }[] = [];
    for (const spec of specs) {
      try {
        evaluations.push(await evaluateMetric(spec, metrics, input));
      } catch (error) {
        const message = `failed to get ${describe(spec)} metric value: ${messageOf(error)}`;
        errors.push({ reason: `FailedGet${spec.type}Metric`, message });
      }
    }
    status.value.currentMetrics = evaluations.length > 0 ? evaluations.map((e): V2MetricStatus => e.status) : undefined;
    const best = evaluations.sort((a, b) => b.replicas - a.replicas)[0];
    const [first] = errors;
    if (first && (!best || best.replicas < size)) {
      const message = `the HPA was unable to compute the replica count: ${first.message}`;
      recorder.event(hpa, 'Warning', first.reason, first.message);
      const text = `invalid metrics (${errors.length} invalid out of ${specs.length}), first error is: ${first.message}`;
      recorder.event(hpa, 'Warning', 'FailedComputeMetricsReplicas', text);
      status.condition('ScalingActive', 'False', first.reason, message);
      throw new Error(message);
    }
    if (!best) throw new Error('no metrics are configured');
    const message = `the HPA was able to successfully calculate a replica count from ${best.description}`;
    status.condition('ScalingActive', 'True', 'ValidMetricFound', message);
    return best;
  }

  return new Reconciler({
    name: 'horizontal-pod-autoscaler-controller',
    logger,
    workers: options.concurrentSyncs,
    reconcile,
  })
    .watch(autoscalers, (hpa, old) => {
      // Its own status writes are no reason to look again: metrics are asked for once a period.
      const changed = !old || old.metadata.generation !== hpa.metadata.generation || !semanticEqual(old.spec, hpa.spec);
      return changed ? [keyOf(hpa)] : [];
    })
    .needs(pods);
}

function describe(spec: { type: string; resource?: { name: string } }): string {
  return spec.resource ? `${spec.resource.name} resource` : spec.type.toLowerCase();
}

/** Collects a new status on top of the old one. */
class StatusBuilder {
  readonly value: NonNullable<V2HorizontalPodAutoscaler['status']>;

  constructor(hpa: HorizontalPodAutoscaler) {
    this.value = {
      ...hpa.status,
      desiredReplicas: hpa.status?.desiredReplicas ?? 0,
      observedGeneration: hpa.metadata.generation,
      conditions: [...(hpa.status?.conditions ?? [])],
    };
  }

  condition(type: string, status: string, reason: string, message: string): void {
    const conditions = this.value.conditions ?? [];
    const current = findCondition(conditions, type);
    const lastTransitionTime = current?.status === status ? current.lastTransitionTime : nowSecond();
    const next: V2HorizontalPodAutoscalerCondition = { type, status, reason, message, lastTransitionTime };
    this.value.conditions = current
      ? conditions.map((condition) => (condition === current ? next : condition))
      : [...conditions, next];
  }
}
