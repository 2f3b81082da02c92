import assert from 'node:assert/strict';
import { service, slice } from '../../testing/objects.js';
import type { TrafficCase } from '../case.js';
import { p1, p1Ending, p2, udpPorts } from '../objects.js';

const address = '10.96.0.13';

export const udpEnding: TrafficCase = {
  name: 'a UDP flow to an endpoint that ends',
  steps: (mode) => [
    {
      name: 'begins',
      set({ proxy }) {
        proxy.setService(service('tail', address, { ports: [{ name: 'u', port: 53, protocol: 'UDP' }] }));
        proxy.setSlice(slice('tail', [p1], udpPorts));
      },
      see: async (lab) => assert.match(await lab.udp('p2', address, 53, 5513), /^p1 /),
    },
    {
      name: 'goes on as a TCP connection would, new ones go to ready endpoints',
      set: ({ proxy }) => proxy.setSlice(slice('tail', [p1Ending, p2], udpPorts)),
      async see(lab) {
        // In IPVS mode kube-proxy removes servers of UDP at once, and the flow moves.
        assert.match(await lab.udp('p2', address, 53, 5513), mode === 'ipvs' ? /^p2 / : /^p1 /);
        assert.match(await lab.udp('p1', address, 53, 5514), /^p2 /);
      },
    },
  ],
};
