import type { V1DaemonSet, V1Pod } from '@kubelab/api';
import {
  hasStatusCause,
  isNotFound,
  labelSelectorAsSelector,
  semanticEqual,
  splitObjectKey,
} from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import { Expectations } from '../framework/expectations.js';
import type { ControllerRevision, DaemonSet, Node, Pod } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { indexByController, ownedOrOrphaned } from '../framework/owned-index.js';
import { controllerKey, controllerOf } from '../framework/owner-reference.js';
import { PodControl } from '../framework/pod-control.js';
import { availableInMs, isPodReady } from '../framework/pods.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { claimObjects } from '../framework/ref-manager.js';
import { slowStartBatch } from '../framework/slow-start.js';
import { RevisionControl, revisionHashLabel } from '../history/index.js';
import { backoffKey, FailedPodBackoff } from './failed-pod-backoff.js';
import { nodeOf, templateForNode } from './placement.js';
import { type DaemonPlan, type DaemonState, placementPlan, rollingUpdatePlan } from './plan.js';
import { calculateStatus } from './status.js';

const burstReplicas = 250;
const templateGenerationAnnotation = 'deprecated.daemonset.template.generation';

/** Keeps one pod of each apps/v1 DaemonSet on every node that it fits. */
export const daemonSetController: ControllerDescriptor = {
  name: 'daemonset-controller',
  aliases: ['daemonset'],
  serviceAccount: 'daemon-set-controller',
  eventSource: 'daemonset-controller',
  create: newDaemonSetController,
};

function newDaemonSetController(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger, options } = context;
  const sets = informers.informer<DaemonSet>(gvr.daemonsets);
  const pods = informers.informer<Pod>(gvr.pods);
  const nodes = informers.informer<Node>(gvr.nodes);
  const revisions = informers.informer<ControllerRevision>(gvr.controllerrevisions);
  const setClient = client.resource<V1DaemonSet>(gvr.daemonsets);
  const podClient = client.resource<V1Pod>(gvr.pods);
  const revisionClient = client.resource(gvr.controllerrevisions);
  const podControl = new PodControl(client, recorder);
  const revisionControl = new RevisionControl(client);
  const expectations = new Expectations();
  indexByController(pods);
  indexByController(revisions);
  const backoff = new FailedPodBackoff();

  async function reconcile(key: string): Promise<Outcome> {
    const { namespace, name } = splitObjectKey(key);
    const ds = sets.lister.get(namespace, name);
    if (!ds) {
      expectations.delete(key);
      return undefined;
    }
    const selector = labelSelectorAsSelector(ds.spec.selector);
    if (selector.empty) {
      const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
      recorder.event(ds, 'Warning', 'SelectingAll', message);
      return undefined;
    }
    if (ds.metadata.deletionTimestamp) return undefined;
    const readOwner = (): Promise<V1DaemonSet> => setClient.namespace(namespace).get(name);
    const owned = await claimObjects<ControllerRevision>({
      owner: ds,
      selector,
      objects: ownedOrOrphaned(revisions.lister, ds),
      client: revisionClient,
      readOwner,
    });
    const synced = await revisionControl.sync(ds, ds.spec.template, owned, ds.status?.collisionCount ?? 0);
    const hash = synced.revision.metadata.labels?.[revisionHashLabel] ?? '';
    const claimed = await claimObjects<Pod>({
      owner: ds,
      selector,
      objects: ownedOrOrphaned(pods.lister, ds),
      client: podClient,
      readOwner,
    });
    const state: DaemonState = {
      ds,
      nodes: nodes.lister.list(),
      podsByNode: groupByNode(claimed),
      hash,
      nowMs: Date.now(),
    };
    let failure: unknown;
    let waitMs = Number.POSITIVE_INFINITY;
    if (expectations.satisfied(key)) {
      const inBackoff = (pod: Pod): boolean => {
        const left = backoff.remainingMs(backoffKey(ds.metadata.uid, pod), state.nowMs);
        if (left > 0) waitMs = Math.min(waitMs, left);
        return left > 0;
      };
      failure = await carryOut(key, state, placementPlan(state, inBackoff));
      const rolling = (ds.spec.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
      if (failure === undefined && rolling && expectations.satisfied(key)) {
        failure = await carryOut(key, state, rollingUpdatePlan(state));
      }
      await truncateHistory(ds, owned, claimed, synced.revision);
    } else {
      waitMs = expectations.expiresInMs(key);
    }
    await writeStatus(state, synced.collisionCount);
    if (failure !== undefined && !hasStatusCause(failure, 'NamespaceTerminating')) throw failure;
    for (const pod of claimed.filter(isPodReady)) {
      const left = availableInMs(pod, ds.spec.minReadySeconds ?? 0, state.nowMs);
      if (left > 0) waitMs = Math.min(waitMs, left + 1);
    }
    return Number.isFinite(waitMs) ? { requeueAfterMs: waitMs } : undefined;
  }

  /** Returns the first error. */
  async function carryOut(key: string, state: DaemonState, plan: DaemonPlan): Promise<unknown> {
    const { ds, hash, nowMs } = state;
    const create = plan.create.slice(0, burstReplicas);
    const remove = plan.delete.slice(0, burstReplicas);
    if (create.length === 0 && remove.length === 0) return undefined;
    for (const pod of plan.failed) {
      backoff.next(backoffKey(ds.metadata.uid, pod), nowMs);
      const where = `${pod.metadata.namespace}/${pod.metadata.name} on node ${pod.spec.nodeName}`;
      recorder.event(ds, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${where}, will try to kill it`);
    }
    backoff.collect(nowMs);
    for (const pod of plan.succeeded) {
      const where = `${pod.metadata.namespace}/${pod.metadata.name} on node ${pod.spec.nodeName}`;
      recorder.event(ds, 'Normal', 'SucceededDaemonPod', `Found succeeded daemon pod ${where}, will try to delete it`);
    }
    expectations.expect(
      key,
      create.length,
      remove.map((pod) => pod.metadata.uid),
    );
    const generation = ds.metadata.annotations?.[templateGenerationAnnotation];
    const labels = { [revisionHashLabel]: hash, ...(generation && { 'pod-template-generation': generation }) };
    const created = await slowStartBatch(create.length, async (i) => {
      await podControl.create(ds, templateForNode(ds.spec.template, create[i] ?? '', labels));
    });
    expectations.creationObserved(key, create.length - created.successes);
    const errors = await Promise.all(
      remove.map(async (pod) => {
        try {
          await podControl.delete(ds, pod.metadata.name);
          return undefined;
        } catch (error) {
          expectations.deletionObserved(key, pod.metadata.uid);
          return isNotFound(error) ? undefined : error;
        }
      }),
    );
    return created.error ?? errors.find((error) => error !== undefined);
  }

  async function truncateHistory(
    ds: DaemonSet,
    owned: ControllerRevision[],
    claimed: Pod[],
    current: ControllerRevision,
  ): Promise<void> {
    const hashes = new Set(claimed.map((pod) => pod.metadata.labels?.[revisionHashLabel]));
    const inUse = owned.filter((revision) => hashes.has(revision.metadata.labels?.[revisionHashLabel]));
    const names = new Set([...inUse, current].map((revision) => revision.metadata.name));
    await revisionControl.truncate(owned, names, ds.spec.revisionHistoryLimit ?? 10);
  }

  async function writeStatus(state: DaemonState, collisions: number): Promise<void> {
    const { ds } = state;
    const status = {
      ...calculateStatus(state, collisions || undefined),
      ...(ds.status?.conditions && { conditions: ds.status.conditions }),
    };
    if (semanticEqual(ds.status ?? {}, status)) return;
    await setClient.namespace(ds.metadata.namespace).updateStatus({ ...ds, status });
  }

  const setKey = (pod: Pod): string | undefined => controllerKey(pod, 'apps', 'DaemonSet');
  pods.addEventHandler({
    add(pod) {
      const key = setKey(pod);
      if (!key) return;
      if (pod.metadata.deletionTimestamp) expectations.deletionObserved(key, pod.metadata.uid);
      else expectations.creationObserved(key);
    },
    update(_, pod) {
      const key = setKey(pod);
      if (key && pod.metadata.deletionTimestamp) expectations.deletionObserved(key, pod.metadata.uid);
    },
    delete(pod) {
      const key = setKey(pod);
      if (key) expectations.deletionObserved(key, pod.metadata.uid);
    },
  });
  const matching = (object: Pod | ControllerRevision): string[] =>
    sets.lister
      .list(object.metadata.namespace)
      .filter((ds) => labelSelectorAsSelector(ds.spec.selector).matches(object.metadata.labels))
      .map(keyOf);

  return new Reconciler({ name: 'daemonset-controller', logger, workers: options.concurrentSyncs, reconcile })
    .watch(sets, (ds) => [keyOf(ds)])
    .watch(pods, (pod, old) => {
      const keys = [setKey(pod), old && setKey(old)];
      return controllerOf(pod) ? keys : [...keys, ...matching(pod)];
    })
    .watch(revisions, (revision) =>
      controllerOf(revision) ? [controllerKey(revision, 'apps', 'DaemonSet')] : matching(revision),
    )
    .watch(nodes, (node, old) => {
      if (old && placementFacts(old) === placementFacts(node)) return [];
      return sets.lister.list().map(keyOf);
    });
}

function groupByNode(pods: Pod[]): Map<string, Pod[]> {
  const groups = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = nodeOf(pod);
    groups.set(node, [...(groups.get(node) ?? []), pod]);
  }
  return groups;
}

function placementFacts(node: Node): string {
  return JSON.stringify([
    node.metadata.labels,
    node.spec.taints?.map(({ key, value, effect }) => [key, value, effect]),
  ]);
}
