import { gvr } from '@kubelab/client';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { ReplicaSet } from '../framework/kinds.js';
import { newReplicaManager } from './replica-manager.js';

export { newReplicaManager, type ReplicaKind } from './replica-manager.js';

/** Keeps the pods of apps/v1 ReplicaSets. */
export const replicaSetController: ControllerDescriptor = {
  name: 'replicaset-controller',
  aliases: ['replicaset'],
  create: (context) =>
    newReplicaManager<ReplicaSet>(context, {
      name: 'replicaset-controller',
      gvr: gvr.replicasets,
      group: 'apps',
      kind: 'ReplicaSet',
      view: (rs) => rs,
      withStatus: (rs, status) => ({ ...rs, status }),
    }),
};
