import assert from 'node:assert/strict';
import { endpoint, service, slice } from '../../testing/objects.js';
import { leadsTo, type TrafficCase } from '../case.js';
import { nodePort } from '../objects.js';

export const ipv6: TrafficCase = {
  name: 'IPv6',
  steps: () => [
    {
      name: 'from a pod by the cluster IP, from outside by the node port',
      set({ proxy }) {
        proxy.setService(service('six', 'fd00:96::17', nodePort(30017)));
        // However the address is written.
        proxy.setSlice(slice('six', [endpoint('fd00:244:1::11', 'node1'), endpoint('fd00:244:1:0::12', 'node1')]));
      },
      async see(lab) {
        await leadsTo(lab, 'p1', '[fd00:96::17]', 'p1', 'p2');
        assert.match(await lab.get('client', '[fd00:77::1]:30017'), /^p\d fd00:244:1::1$/);
      },
    },
    {
      name: 'refused without endpoints',
      set: ({ proxy }) => proxy.setSlice({ ...slice('six', []), addressType: 'IPv6' }),
      see: async (lab) => assert.equal(await lab.get('p1', '[fd00:96::17]'), 'refused'),
    },
  ],
};
