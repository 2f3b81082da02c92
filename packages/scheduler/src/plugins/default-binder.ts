import { gvr } from '@kubelab/client';
import type { Handle } from '../framework/handle.js';
import type { Plugin } from '../framework/plugin.js';
import { Status } from '../framework/status.js';

/** Binds by the pod's binding subresource. */
export const defaultBinder = (handle: Handle): Plugin => {
  const pods = handle.client.resource(gvr.pods);
  return {
    name: 'DefaultBinder',
    async bind(_state, pod, nodeName) {
      const name = pod.pod.metadata?.name ?? '';
      try {
        await pods.namespace(pod.namespace).subresource(name, 'binding', 'POST', {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { name, namespace: pod.namespace, uid: pod.uid },
          target: { kind: 'Node', name: nodeName },
        });
        return undefined;
      } catch (error) {
        return Status.error(error);
      }
    },
  };
};
