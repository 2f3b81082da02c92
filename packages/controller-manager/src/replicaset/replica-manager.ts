import type { V1Pod } from '@kubelab/api';
import {
  hasStatusCause,
  isNotFound,
  labelSelectorAsSelector,
  semanticEqual,
  splitObjectKey,
} from '@kubelab/apimachinery';
import { type Gvr, gvr, type Informer } from '@kubelab/client';
import type { ControllerContext } from '../framework/controller.js';
import { Expectations } from '../framework/expectations.js';
import type { Pod, ReplicaSet } from '../framework/kinds.js';
import { keyOf, type Live } from '../framework/live.js';
import { indexByController, owned, ownedOrOrphaned } from '../framework/owned-index.js';
import { controllerKey, controllerOf } from '../framework/owner-reference.js';
import { PodControl } from '../framework/pod-control.js';
import { availableInMs, isPodActive, isPodReady } from '../framework/pods.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { claimObjects } from '../framework/ref-manager.js';
import { slowStartBatch } from '../framework/slow-start.js';
import { podsToDelete } from './pod-ranking.js';
import { calculateStatus } from './status.js';

/** Pods created or deleted in one pass; the next pass does the rest. */
const burstReplicas = 500;

/** What differs between ReplicaSets and ReplicationControllers, which are kept up by the same code. */
export interface ReplicaKind<T> {
  name: string;
  gvr: Gvr;
  group: string;
  kind: string;
  /** The object seen as a replica set; identity (apiVersion, kind) stays its own. */
  view(object: T): ReplicaSet;
  withStatus(object: T, status: ReplicaSet['status']): T;
}

/** A controller that keeps as many pods of a template as `spec.replicas` asks for. */
export function newReplicaManager<T extends Live<{ spec?: unknown; status?: unknown }>>(
  context: ControllerContext,
  kind: ReplicaKind<T>,
): Reconciler {
  const { client, informers, recorder, logger } = context;
  const sets: Informer<T> = informers.informer<T>(kind.gvr);
  const pods = informers.informer<Pod>(gvr.pods);
  indexByController(pods);
  const podControl = new PodControl(client, recorder);
  const setClient = client.resource<T>(kind.gvr);
  const podClient = client.resource<V1Pod>(gvr.pods);
  const expectations = new Expectations();

  async function reconcile(key: string): Promise<Outcome> {
    const { namespace, name } = splitObjectKey(key);
    const object = sets.lister.get(namespace, name);
    if (!object) {
      expectations.delete(key);
      return undefined;
    }
    const rs = kind.view(object);
    const settled = expectations.satisfied(key);
    const claimed = await claimObjects<Pod>({
      owner: rs,
      selector: labelSelectorAsSelector(rs.spec.selector),
      objects: ownedOrOrphaned(pods.lister, rs).filter(isPodActive),
      client: podClient,
      readOwner: () => setClient.namespace(namespace).get(name),
    });
    let manageError: unknown;
    if (settled && !rs.metadata.deletionTimestamp) {
      manageError = await manage(key, rs, claimed);
    }
    const nowMs = Date.now();
    const status = calculateStatus(rs, claimed, manageError, nowMs);
    if (!semanticEqual(rs.status ?? {}, status)) {
      await setClient.namespace(namespace).updateStatus(kind.withStatus(object, status));
    }
    if (manageError !== undefined && !hasStatusCause(manageError, 'NamespaceTerminating')) throw manageError;
    const waits = claimed
      .filter(isPodReady)
      .map((pod) => availableInMs(pod, rs.spec.minReadySeconds ?? 0, nowMs))
      .filter((ms) => ms > 0);
    if (waits.length > 0) return { requeueAfterMs: Math.min(...waits) + 1 };
    return settled ? undefined : { requeueAfterMs: expectations.expiresInMs(key) };
  }

  /** Creates or deletes pods; returns the first error. */
  async function manage(key: string, rs: ReplicaSet, active: Pod[]): Promise<unknown> {
    const missing = (rs.spec.replicas ?? 1) - active.length;
    if (missing > 0) {
      const count = Math.min(missing, burstReplicas);
      expectations.expectCreations(key, count);
      const template = rs.spec.template ?? {};
      const { successes, error } = await slowStartBatch(count, async () => {
        await podControl.create(rs, template);
      });
      // What was not created will never be seen.
      expectations.creationObserved(key, count - successes);
      return error;
    }
    if (missing < 0) {
      const chosen = podsToDelete(active, relatedPods(rs), Math.min(-missing, burstReplicas), Date.now());
      expectations.expectDeletions(
        key,
        chosen.map((pod) => pod.metadata.uid),
      );
      const errors = await Promise.all(
        chosen.map(async (pod) => {
          try {
            await podControl.delete(rs, pod.metadata.name);
            return undefined;
          } catch (error) {
            expectations.deletionObserved(key, pod.metadata.uid);
            return isNotFound(error) ? undefined : error;
          }
        }),
      );
      return errors.find((error) => error !== undefined);
    }
    return undefined;
  }

  /** Active pods of all sets with the same controller (of a deployment, all its sets). */
  function relatedPods(rs: ReplicaSet): Pod[] {
    const owner = controllerOf(rs);
    const related = owner
      ? sets.lister.list(rs.metadata.namespace).filter((other) => controllerOf(other)?.uid === owner.uid)
      : [rs];
    return related.flatMap((set) => owned(pods.lister, set.metadata.uid)).filter(isPodActive);
  }

  function matching(pod: Pod): string[] {
    return sets.lister
      .list(pod.metadata.namespace)
      .map((object) => kind.view(object))
      .filter((rs) => {
        const selector = labelSelectorAsSelector(rs.spec.selector);
        return !selector.empty && selector.matches(pod.metadata.labels);
      })
      .map(keyOf);
  }

  // Seen before the pod's event queues the key, so that a reconcile always finds its expectations up to date.
  pods.addEventHandler({
    add(pod) {
      const key = controllerKey(pod, kind.group, kind.kind);
      if (!key) return;
      if (pod.metadata.deletionTimestamp) expectations.deletionObserved(key, pod.metadata.uid);
      else expectations.creationObserved(key);
    },
    update(_, pod) {
      const key = controllerKey(pod, kind.group, kind.kind);
      if (key && pod.metadata.deletionTimestamp) expectations.deletionObserved(key, pod.metadata.uid);
    },
    delete(pod) {
      const key = controllerKey(pod, kind.group, kind.kind);
      if (key) expectations.deletionObserved(key, pod.metadata.uid);
    },
  });

  return new Reconciler({ name: kind.name, logger, workers: context.options.concurrentSyncs, reconcile })
    .watch(sets, (object) => [keyOf(object)])
    .watch(pods, (pod, old) => {
      const keys = [controllerKey(pod, kind.group, kind.kind), old && controllerKey(old, kind.group, kind.kind)];
      return controllerOf(pod) ? keys : [...keys, ...matching(pod)];
    });
}
