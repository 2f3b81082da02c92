import assert from 'node:assert/strict';
import type { V1Endpoint } from '@kubelab/api';
import type { Lab } from '../../testing/lab.js';
import { service, slice } from '../../testing/objects.js';
import type { TrafficCase } from '../case.js';
import { p1, p2, udpPorts } from '../objects.js';
import type { Stage } from '../stage.js';

const setEndpoints =
  (...endpoints: V1Endpoint[]) =>
  ({ proxy }: Stage) =>
    proxy.setSlice(slice('udp', endpoints, udpPorts));

/** The same two flows each time. */
async function see(lab: Lab, answer: RegExp): Promise<void> {
  assert.match(await lab.udp('p2', '10.96.0.12', 53, 5512), answer);
  assert.match(await lab.udp('client', '192.168.77.1', 30012, 5512), answer);
}

export const udpFlows: TrafficCase = {
  name: 'UDP flows',
  steps: () => [
    {
      name: 'from a pod by the cluster IP, from outside by the node port',
      set(stage) {
        const ports = [{ name: 'u', port: 53, protocol: 'UDP', nodePort: 30012 }];
        stage.proxy.setService(service('udp', '10.96.0.12', { type: 'NodePort', ports }));
        setEndpoints(p1)(stage);
      },
      see: (lab) => see(lab, /^p1 /),
    },
    { name: 'move when their endpoint goes', set: setEndpoints(p2), see: (lab) => see(lab, /^p2 /) },
    {
      name: 'are refused by an ICMP error when there is none',
      set: setEndpoints(),
      async see(lab) {
        await see(lab, /^refused$/);
        assert.equal(await lab.udp('node', '10.96.0.12', 53, 5512), 'refused');
      },
    },
    { name: 'go on when one comes', set: setEndpoints(p1), see: (lab) => see(lab, /^p1 /) },
  ],
};
