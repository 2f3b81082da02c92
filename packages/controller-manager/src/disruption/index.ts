import type { V1Pod, V1PodDisruptionBudget } from '@kubelab/api';
import {
  isConflict,
  isNotFound,
  labelSelectorAsSelector,
  nowSecond,
  semanticEqual,
  splitObjectKey,
} from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { KindMapper } from '../discovery/index.js';
import { withoutCondition } from '../framework/conditions.js';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { Pod, PodDisruptionBudget } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { messageOf } from '../framework/pod-control.js';
import { isPodTerminal, podCondition } from '../framework/pods.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { budgetStatus, countHealthy, desiredHealthy, disruptedPods, disruptionTimeoutMs } from './budget.js';
import { ExpectedPods } from './expected-pods.js';

/** Keeps the status of PodDisruptionBudgets, which the eviction API decides by. */
export const disruptionController: ControllerDescriptor = {
  name: 'disruption-controller',
  aliases: ['disruption'],
  eventSource: 'controllermanager',
  create: newDisruptionController,
};

function newDisruptionController(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger, options } = context;
  const budgets = informers.informer<PodDisruptionBudget>(gvr.poddisruptionbudgets);
  const pods = informers.informer<Pod>(gvr.pods);
  const budgetClient = client.resource<V1PodDisruptionBudget>(gvr.poddisruptionbudgets);
  const podClient = client.resource<V1Pod>(gvr.pods);
  const expectedPods = new ExpectedPods(client, new KindMapper(client));

  async function reconcile(key: string): Promise<Outcome> {
    const { namespace, name } = splitObjectKey(key);
    const budget = budgets.lister.get(namespace, name);
    if (!budget) return undefined;
    const nowMs = Date.now();
    // policy/v1: an empty selector is all pods of the namespace, none is no pod.
    const selected = budget.spec.selector
      ? pods.lister.list(namespace, labelSelectorAsSelector(budget.spec.selector)).filter((pod) => !isPodTerminal(pod))
      : [];
    if (selected.length === 0) recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    const disrupted = disruptedPods(budget, selected, nowMs);
    try {
      const { expected, desired } = await desiredHealthy(budget, selected, () => scaleOf(budget, selected));
      const healthy = countHealthy(selected, disrupted);
      await write(budget, budgetStatus(budget, { expected, desired, healthy }, disrupted));
    } catch (error) {
      if (isConflict(error)) throw error;
      const message = `Failed to calculate the number of expected pods: ${messageOf(error)}`;
      recorder.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', message);
      await failSafe(budget, messageOf(error));
      throw error;
    }
    await clearStaleTargets(selected, nowMs);
    const times = Object.values(disrupted).map((time) => Date.parse(time) + disruptionTimeoutMs - nowMs);
    return times.length > 0 ? { requeueAfterMs: Math.max(0, Math.min(...times)) + 1 } : undefined;
  }

  async function scaleOf(budget: PodDisruptionBudget, selected: Pod[]): Promise<number> {
    const { expected, unmanaged } = await expectedPods.count(selected);
    if (unmanaged.length > 0) {
      const selector = labelSelectorAsSelector(budget.spec.selector ?? {}).toString();
      const message = `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
      recorder.event(budget, 'Warning', 'UnmanagedPods', message);
    }
    return expected;
  }

  /** While the numbers are not known nothing may be disrupted. */
  async function failSafe(budget: PodDisruptionBudget, message: string): Promise<void> {
    if (!budget.status) return;
    const condition = {
      type: 'DisruptionAllowed',
      status: 'False',
      reason: 'SyncFailed',
      message,
      lastTransitionTime: nowSecond(),
      observedGeneration: budget.metadata.generation,
    };
    const conditions = [...withoutCondition(budget.status.conditions, 'DisruptionAllowed'), condition];
    await write(budget, {
      ...budget.status,
      disruptionsAllowed: 0,
      observedGeneration: budget.metadata.generation,
      conditions,
    });
  }

  async function write(budget: PodDisruptionBudget, status: V1PodDisruptionBudget['status']): Promise<void> {
    if (semanticEqual(budget.status ?? {}, status)) return;
    try {
      await budgetClient.namespace(budget.metadata.namespace).updateStatus({ ...budget, status });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** A pod announced as disrupted that was never deleted is not disrupted. */
  async function clearStaleTargets(selected: Pod[], nowMs: number): Promise<void> {
    for (const pod of selected) {
      const target = podCondition(pod, 'DisruptionTarget');
      if (target?.status !== 'True' || pod.metadata.deletionTimestamp) continue;
      if (Date.parse(target.lastTransitionTime ?? '') + disruptionTimeoutMs > nowMs) continue;
      const patch = {
        status: { conditions: [{ type: 'DisruptionTarget', status: 'False', lastTransitionTime: nowSecond() }] },
      };
      try {
        await podClient
          .namespace(pod.metadata.namespace)
          .patch(pod.metadata.name, patch, { type: 'strategic', subresource: 'status' });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  const budgetsOf = (pod: Pod): string[] =>
    budgets.lister
      .list(pod.metadata.namespace)
      .filter(({ spec }) => spec.selector && labelSelectorAsSelector(spec.selector).matches(pod.metadata.labels))
      .map(keyOf);

  return new Reconciler({ name: 'disruption-controller', logger, workers: options.concurrentSyncs, reconcile })
    .watch(budgets, (budget) => [keyOf(budget)])
    .watch(pods, (pod, old) => new Set([...budgetsOf(pod), ...(old ? budgetsOf(old) : [])]));
}
