import type { V1PodTemplateSpec, V1StatefulSet, V1StatefulSetStatus } from '@kubelab/api';
import { hasStatusCause, labelSelectorAsSelector, semanticEqual, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { omitEmpty } from '../framework/canonical.js';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { ControllerRevision, PersistentVolumeClaim, Pod, StatefulSet } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { indexByController, ownedOrOrphaned } from '../framework/owned-index.js';
import { controllerKey, controllerOf } from '../framework/owner-reference.js';
import { availableInMs, isPodReady } from '../framework/pods.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { claimObjects } from '../framework/ref-manager.js';
import { RevisionControl } from '../history/index.js';
import { ClaimControl } from './claims.js';
import { isMember, revisionOf } from './pod.js';
import { StatefulPodControl } from './pod-control.js';
import { updateStatefulSet } from './update.js';

/** Keeps the pods of apps/v1 StatefulSets, each with its name and storage. */
export const statefulSetController: ControllerDescriptor = {
  name: 'statefulset-controller',
  aliases: ['statefulset'],
  create: newStatefulSetController,
};

function newStatefulSetController(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger, options } = context;
  const sets = informers.informer<StatefulSet>(gvr.statefulsets);
  const pods = informers.informer<Pod>(gvr.pods);
  const claimInformer = informers.informer<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
  const revisions = informers.informer<ControllerRevision>(gvr.controllerrevisions);
  const setClient = client.resource<V1StatefulSet>(gvr.statefulsets);
  indexByController(pods);
  indexByController(revisions);
  const revisionControl = new RevisionControl(client);
  const claims = new ClaimControl(client, claimInformer.lister, recorder);
  const control = new StatefulPodControl(client, claims, recorder);

  async function reconcile(key: string): Promise<Outcome> {
    const { namespace, name } = splitObjectKey(key);
    const set = sets.lister.get(namespace, name);
    if (!set) return undefined;
    const selector = labelSelectorAsSelector(set.spec.selector);
    const readOwner = (): Promise<V1StatefulSet> => setClient.namespace(namespace).get(name);
    const owned = await claimObjects<ControllerRevision>({
      owner: set,
      selector,
      objects: ownedOrOrphaned(revisions.lister, set),
      client: client.resource(gvr.controllerrevisions),
      readOwner,
    });
    const own = await claimObjects<Pod>({
      owner: set,
      selector,
      objects: ownedOrOrphaned(pods.lister, set).filter((pod) => isMember(set, pod)),
      client: client.resource(gvr.pods),
      readOwner,
    });
    const update = await revisionControl.sync(set, set.spec.template, owned, set.status?.collisionCount ?? 0);
    const current = owned.find((revision) => revision.metadata.name === set.status?.currentRevision) ?? update.revision;
    const nowMs = Date.now();
    let status: V1StatefulSetStatus | undefined;
    try {
      status = await updateStatefulSet({
        set,
        pods: own,
        current: { revision: current, template: templateOf(current) },
        update: { revision: update.revision, template: templateOf(update.revision) },
        control,
        claims,
        nowMs,
      });
    } catch (error) {
      if (!hasStatusCause(error, 'NamespaceTerminating')) throw error;
      return undefined;
    }
    await writeStatus(set, completed(set, status), update.collisionCount);
    const inUse = new Set([current.metadata.name, update.revision.metadata.name, ...own.map(revisionOf)]);
    await revisionControl.truncate(owned, inUse, set.spec.revisionHistoryLimit ?? 10);
    const waits = own
      .filter(isPodReady)
      .map((pod) => availableInMs(pod, set.spec.minReadySeconds ?? 0, nowMs))
      .filter((ms) => ms > 0);
    return waits.length > 0 ? { requeueAfterMs: Math.min(...waits) + 1 } : undefined;
  }

  async function writeStatus(set: StatefulSet, next: V1StatefulSetStatus, collisionCount: number): Promise<void> {
    const { replicas, availableReplicas, conditions: _, ...rest } = next;
    const status: V1StatefulSetStatus = {
      replicas,
      availableReplicas: availableReplicas ?? 0,
      ...omitEmpty(rest),
      // Present from the first write, as Kubernetes has it.
      collisionCount,
      ...(set.status?.conditions && { conditions: set.status.conditions }),
    };
    if (semanticEqual(set.status ?? {}, status)) return;
    await setClient.namespace(set.metadata.namespace).updateStatus({ ...set, status });
  }

  const setKey = (object: Pod | ControllerRevision): string | undefined => controllerKey(object, 'apps', 'StatefulSet');
  const matching = (object: Pod | ControllerRevision): string[] =>
    sets.lister
      .list(object.metadata.namespace)
      .filter((set) => labelSelectorAsSelector(set.spec.selector).matches(object.metadata.labels))
      .map(keyOf);

  return new Reconciler({ name: 'statefulset-controller', logger, workers: options.concurrentSyncs, reconcile })
    .watch(sets, (set) => [keyOf(set)])
    .watch(pods, (pod, old) => {
      const keys = [setKey(pod), old && setKey(old)];
      return controllerOf(pod) ? keys : [...keys, ...matching(pod)];
    })
    .watch(revisions, (revision) => (controllerOf(revision) ? [setKey(revision)] : matching(revision)))
    .needs(claimInformer);
}

/** The pod template that a revision keeps. */
function templateOf(revision: ControllerRevision): V1PodTemplateSpec {
  const data = revision.data as { spec?: { template?: V1PodTemplateSpec & { $patch?: string } } } | undefined;
  const { $patch: _, ...template } = data?.spec?.template ?? {};
  return template;
}

/** When every pod is of the update revision and ready, that becomes the current one. */
function completed(set: StatefulSet, status: V1StatefulSetStatus): V1StatefulSetStatus {
  const rolling = (set.spec.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
  const { replicas, updatedReplicas = 0, readyReplicas = 0, updateRevision } = status;
  if (!rolling || updatedReplicas !== replicas || readyReplicas !== replicas) return status;
  return { ...status, currentReplicas: updatedReplicas, currentRevision: updateRevision };
}
