import type { V1Container, V1Node } from '@kubelab/api';
import type { EventRecorder } from '@kubelab/client';
import { containerFieldPath, findContainer, type Pod } from './pod/types.js';

type EventType = 'Normal' | 'Warning';

/** Records events about pods, containers and the node, as the kubelet does. */
export interface Events {
  pod(pod: Pod, type: EventType, reason: string, message: string): void;
  container(pod: Pod, container: Pick<V1Container, 'name'>, type: EventType, reason: string, message: string): void;
  node(type: EventType, reason: string, message: string): void;
}

/** @param mirrorOf the API object that stands for a static pod; events go to it */
export function createEvents(recorder: EventRecorder, nodeName: string, mirrorOf: (pod: Pod) => Pod): Events {
  const reference = (pod: Pod) => ({ ...mirrorOf(pod), apiVersion: 'v1', kind: 'Pod' });
  // The kubelet names the node as its own UID: it has no node object yet when it starts.
  const node: V1Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
  return {
    pod: (pod, type, reason, message) => recorder.event(reference(pod), type, reason, message),
    container: (pod, { name }, type, reason, message) => {
      const found = findContainer(pod, name);
      const path = found ? containerFieldPath(found.container, found.kind) : undefined;
      recorder.event(reference(pod), type, reason, message, path);
    },
    node: (type, reason, message) => recorder.event(node, type, reason, message),
  };
}
