import type { V1Deployment, V1LabelSelector, V1ReplicaSet } from '@kubelab/api';
import { labelSelectorAsSelector, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { Deployment, Pod, ReplicaSet } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { indexByController, owned, ownedOrOrphaned } from '../framework/owned-index.js';
import { controllerKey, controllerOf } from '../framework/owner-reference.js';
import { Reconciler } from '../framework/reconciler.js';
import { claimObjects } from '../framework/ref-manager.js';
import { ReplicaSetControl } from './replica-set-control.js';
import { syncDeployment } from './sync.js';

/** Rolls deployments out through replica sets (apps/v1 Deployment). */
export const deploymentController: ControllerDescriptor = {
  name: 'deployment-controller',
  aliases: ['deployment'],
  create: newDeploymentController,
};

function newDeploymentController(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger } = context;
  const deployments = informers.informer<Deployment>(gvr.deployments);
  const sets = informers.informer<ReplicaSet>(gvr.replicasets);
  const pods = informers.informer<Pod>(gvr.pods);
  indexByController(pods);
  indexByController(sets);
  const control = new ReplicaSetControl(client, recorder);
  const deploymentClient = client.resource<V1Deployment>(gvr.deployments);
  const setClient = client.resource<V1ReplicaSet>(gvr.replicasets);

  const reconciler = new Reconciler({
    name: 'deployment-controller',
    logger,
    workers: context.options.concurrentSyncs,
    async reconcile(key) {
      const { namespace, name } = splitObjectKey(key);
      const cached = deployments.lister.get(namespace, name);
      if (!cached) return undefined;
      const d = structuredClone(cached);
      if (isEmptySelector(d.spec.selector)) {
        const message = 'This deployment is selecting all pods. A non-empty selector is required.';
        recorder.event(d, 'Warning', 'SelectingAll', message);
        if ((d.status?.observedGeneration ?? 0) < (d.metadata.generation ?? 0)) {
          await control.updateStatus({ ...d, status: { ...d.status, observedGeneration: d.metadata.generation } });
        }
        return undefined;
      }
      const claimed = await claimObjects<ReplicaSet>({
        owner: d,
        selector: labelSelectorAsSelector(d.spec.selector),
        objects: ownedOrOrphaned(sets.lister, d),
        client: setClient,
        readOwner: () => deploymentClient.namespace(namespace).get(name),
      });
      return syncDeployment({
        control,
        deployments: deploymentClient,
        recorder,
        d,
        sets: claimed,
        pods: claimed.flatMap((rs) => owned(pods.lister, rs.metadata.uid)),
        nowMs: Date.now(),
      });
    },
  });

  const matching = (rs: ReplicaSet): string[] =>
    deployments.lister
      .list(rs.metadata.namespace)
      .filter((d) => !isEmptySelector(d.spec.selector))
      .filter((d) => labelSelectorAsSelector(d.spec.selector).matches(rs.metadata.labels))
      .map(keyOf);

  return reconciler
    .watch(deployments, (d) => [keyOf(d)])
    .watch(sets, (rs, old) => {
      const keys = [controllerKey(rs, 'apps', 'Deployment'), old && controllerKey(old, 'apps', 'Deployment')];
      return controllerOf(rs) ? keys : [...keys, ...matching(rs)];
    })
    .watch(pods, (pod) => {
      // Only Recreate waits for pods, and only for them to be gone or finished.
      const setKey = controllerKey(pod, 'apps', 'ReplicaSet');
      if (!setKey) return [];
      const { namespace, name } = splitObjectKey(setKey);
      const set = sets.lister.get(namespace, name);
      const key = set && controllerKey(set, 'apps', 'Deployment');
      if (!key) return [];
      const parts = splitObjectKey(key);
      const d = deployments.lister.get(parts.namespace, parts.name);
      return d?.spec.strategy?.type === 'Recreate' ? [key] : [];
    });
}

function isEmptySelector(selector: V1LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}
