import { resources } from '@kubelab/api';
import {
  isConflict,
  type KubeObject,
  type LabelSelector,
  labelSelectorAsSelector,
  newInternalError,
  newNotFound,
  newTooManyRequests,
  nowSecond,
} from '@kubelab/apimachinery';
import { everyObject } from '../registry/selection.js';
import { groupResource } from '../registry/store-errors.js';
import { privateCopy, runValidating } from './admit.js';
import { parseBody, readBody } from './body.js';
import type { HandlerEnvironment, RequestContext } from './context.js';
import { strategyContext } from './create.js';
import { checkNames, decodeObject } from './decode.js';
import { deleteOptionsOf } from './delete.js';
import { sendAnswer } from './represent.js';

interface Budget {
  metadata: KubeObject['metadata'];
  spec: { selector?: LabelSelector; unhealthyPodEvictionPolicy?: string };
  status?: {
    observedGeneration?: number;
    disruptionsAllowed: number;
    currentHealthy: number;
    desiredHealthy: number;
    disruptedPods?: Record<string, string>;
  };
}

interface PodStatus {
  phase?: string;
  conditions?: { type: string; status: string }[];
}

/** So many pods may be on their way out by evictions at once before a budget counts as broken (registry eviction.go). */
const maxDisrupted = 2000;

/** POST of pods/NAME/eviction: deletes a pod unless a PodDisruptionBudget forbids it (then 429). */
export async function evictionHandler(env: HandlerEnvironment, ctx: RequestContext): Promise<void> {
  const { info, entry, req } = ctx;
  const raw = parseBody(req, await readBody(req)) as Record<string, unknown> | null;
  const version = raw?.apiVersion === 'policy/v1beta1' ? 'v1beta1' : 'v1';
  const eviction = decodeObject(ctx, raw, { group: 'policy', version, kind: 'Eviction' });
  checkNames(ctx, eviction, true);
  const options = deleteOptionsOf((eviction.deleteOptions ?? {}) as Record<string, unknown>, info.query);
  const item = await env.reader.get(entry, info.namespace, info.name);
  if (!item) {
    throw newNotFound(groupResource(entry), info.name);
  }
  await runValidating(env, ctx, 'CREATE', eviction, undefined, options.dryRun);
  if (!ignoresBudgets(item.object)) {
    await takeDisruption(env, ctx, item.object, options.dryRun);
  }
  const { uid } = item.object.metadata;
  await env.writer.delete(entry, {
    namespace: info.namespace,
    name: info.name,
    options: { ...options, preconditions: { uid, ...options.preconditions } },
    admit: (old) => runValidating(env, ctx, 'DELETE', undefined, old, options.dryRun),
  });
  await sendAnswer(ctx, 201, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    code: 201,
  });
}

/** A pod that has ended, has not started, or is going already does not count for a budget. */
function ignoresBudgets(pod: KubeObject): boolean {
  const { phase } = (pod.status ?? {}) as PodStatus;
  return (
    phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined
  );
}

async function takeDisruption(
  env: HandlerEnvironment,
  ctx: RequestContext,
  pod: KubeObject,
  dryRun: boolean,
): Promise<void> {
  const entry = resources.lookup('policy', 'v1', 'poddisruptionbudgets');
  if (!entry) {
    return;
  }
  const { items } = await env.reader.list(entry, {
    namespace: ctx.info.namespace,
    selection: everyObject,
    limit: 0,
  });
  const budgets = items.filter((item) => {
    const budget = item.object as unknown as Budget;
    return labelSelectorAsSelector(budget.spec?.selector).matches(pod.metadata.labels ?? {});
  });
  if (budgets.length > 1) {
    throw newInternalError(
      new Error('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'),
    );
  }
  const name = budgets[0]?.object.metadata.name;
  if (!name) {
    return;
  }
  try {
    await env.writer.update(entry, {
      namespace: ctx.info.namespace,
      name,
      dryRun,
      raw: true,
      context: strategyContext(ctx),
      transform: (current) => withDisruption(privateCopy(current.object), pod),
    });
  } catch (error) {
    if (isConflict(error)) {
      throw newTooManyRequests(`Cannot evict pod as it would violate the pod's disruption budget.`, 10);
    }
    throw error;
  }
}

function withDisruption(object: KubeObject, pod: KubeObject): KubeObject {
  const budget = object as unknown as Budget;
  const status = budget.status;
  const refuse = (message: string) => {
    const error = newTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0);
    error.status.details = { ...error.status.details, causes: [{ reason: 'DisruptionBudget', message }] };
    return error;
  };
  if (!status || (status.observedGeneration ?? 0) < (budget.metadata.generation ?? 0)) {
    throw refuse(`The disruption budget ${budget.metadata.name} is still being processed by the server.`);
  }
  if (!isReady(pod) && mayEvictUnhealthy(budget, status)) {
    return object;
  }
  if (status.disruptionsAllowed <= 0 || Object.keys(status.disruptedPods ?? {}).length >= maxDisrupted) {
    throw refuse(
      `The disruption budget ${budget.metadata.name} needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`,
    );
  }
  status.disruptionsAllowed--;
  status.disruptedPods = { ...status.disruptedPods, [pod.metadata.name ?? '']: nowSecond() };
  return object;
}

function mayEvictUnhealthy(budget: Budget, status: NonNullable<Budget['status']>): boolean {
  return (
    budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow' ||
    (status.currentHealthy >= status.desiredHealthy && status.desiredHealthy > 0)
  );
}

function isReady(pod: KubeObject): boolean {
  const { conditions } = (pod.status ?? {}) as PodStatus;
  return conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}
