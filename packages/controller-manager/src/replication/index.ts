import { gvr } from '@kubelab/client';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { ReplicaSet, ReplicationController } from '../framework/kinds.js';
import { newReplicaManager } from '../replicaset/index.js';

/** Keeps the pods of v1 ReplicationControllers: replica sets with a plain map as selector. */
export const replicationController: ControllerDescriptor = {
  name: 'replicationcontroller-controller',
  aliases: ['replicationcontroller'],
  serviceAccount: 'replication-controller',
  create: (context) =>
    newReplicaManager<ReplicationController>(context, {
      name: 'replicationcontroller-controller',
      gvr: gvr.replicationcontrollers,
      group: '',
      kind: 'ReplicationController',
      view: (rc) => ({ ...rc, spec: { ...rc.spec, selector: { matchLabels: rc.spec.selector ?? {} } } }) as ReplicaSet,
      withStatus: (rc, status) => ({ ...rc, status }),
    }),
};
