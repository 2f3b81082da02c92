import assert from 'node:assert/strict';
import { service, slice } from '../../testing/objects.js';
import { leadsTo, type TrafficCase } from '../case.js';
import { far, p1, p2 } from '../objects.js';

const address = '10.96.0.11';

export const tcpConnections: TrafficCase = {
  name: 'TCP connections',
  steps: () => [
    {
      name: 'to an endpoint',
      set({ proxy }) {
        proxy.setService(service('grace', address));
        proxy.setSlice(slice('grace', [p1]));
      },
      see: async (lab) => assert.match(await lab.again('client', 'grace', address), /^p1 /),
    },
    {
      name: 'go on when it leaves, new ones go to others',
      set: ({ proxy }) => proxy.setSlice(slice('grace', [p2, far])),
      async see(lab) {
        assert.match(await lab.again('client', 'grace', address), /^p1 /);
        await leadsTo(lab, 'client', address, 'far', 'p2');
      },
    },
    {
      name: 'go to it again when it is back',
      set: ({ proxy }) => proxy.setSlice(slice('grace', [p1, p2])),
      async see(lab) {
        assert.match(await lab.again('client', 'grace', address), /^p1 /);
        await leadsTo(lab, 'client', address, 'p1', 'p2');
      },
    },
  ],
};
