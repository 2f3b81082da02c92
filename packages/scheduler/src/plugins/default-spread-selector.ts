import type { V1Pod } from '@kubelab/api';
import type { Selector } from '@kubelab/apimachinery';
import { type LabelRequirement, labelSelectorAsSelector, newSelector, selectorFromSet } from '@kubelab/apimachinery';
import type { SchedulerInformers } from '../framework/handle.js';
import { controllerOf } from '../framework/owner.js';

/** What a pod's Services and its controller select together: the pods that default constraints spread it among. */
export function defaultSpreadSelector(informers: SchedulerInformers, pod: V1Pod): Selector {
  const namespace = pod.metadata?.namespace ?? '';
  const labels = pod.metadata?.labels ?? {};
  const requirements: LabelRequirement[] = [];
  const set: Record<string, string> = {};
  for (const service of informers.services.lister.list(namespace)) {
    const selector = service.spec?.selector;
    if (selector && Object.keys(selector).length > 0 && selectorFromSet(selector).matches(labels)) {
      Object.assign(set, selector);
    }
  }
  const owner = controllerOf(pod);
  if (owner) {
    const rc =
      owner.kind === 'ReplicationController' && informers.replicationControllers.lister.get(namespace, owner.name);
    if (rc) Object.assign(set, rc.spec?.selector);
    const lister =
      owner.kind === 'ReplicaSet'
        ? informers.replicaSets.lister
        : owner.kind === 'StatefulSet' && informers.statefulSets.lister;
    const selector = lister ? lister.get(namespace, owner.name)?.spec?.selector : undefined;
    if (selector) requirements.push(...labelSelectorAsSelector(selector).requirements);
  }
  return newSelector([...selectorFromSet(set).requirements, ...requirements]);
}
