import type { V1Pod } from '@kubelab/api';
import type { Plugin } from '../framework/plugin.js';
import { PodInfo, portsConflict } from '../framework/pod-info.js';
import { Status, unschedulable } from '../framework/status.js';

/** Host ports: a node gives each (protocol, address, port) once. */
export const nodePorts = (): Plugin => ({
  name: 'NodePorts',
  events: () => [
    {
      resource: 'AssignedPod',
      actions: ['Delete'],
      hint: (pod, event) => {
        const freed = new PodInfo(event.old as V1Pod).hostPorts;
        return new PodInfo(pod).hostPorts.some((p) => freed.some((f) => portsConflict(p, f)));
      },
    },
    { resource: 'Node', actions: ['Add'] },
  ],
  preFilter: (_state, pod) => (pod.hostPorts.length === 0 ? { status: Status.skip } : undefined),
  filter(_state, pod, node) {
    for (const other of node.podsWithHostPorts) {
      for (const taken of other.hostPorts) {
        if (pod.hostPorts.some((p) => portsConflict(p, taken))) {
          return unschedulable("node(s) didn't have free ports for the requested pod ports");
        }
      }
    }
    return undefined;
  },
});
