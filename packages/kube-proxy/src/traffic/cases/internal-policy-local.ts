import assert from 'node:assert/strict';
import { service, slice } from '../../testing/objects.js';
import { leadsTo, noAnswer, type TrafficCase } from '../case.js';
import { far, p2 } from '../objects.js';

export const internalPolicyLocal: TrafficCase = {
  name: 'internal traffic policy Local',
  steps: (mode) => [
    {
      name: 'the endpoint here alone',
      set({ proxy }) {
        proxy.setService(service('int', '10.96.0.7', { internalTrafficPolicy: 'Local' }));
        proxy.setSlice(slice('int', [far, p2]));
      },
      async see(lab) {
        for (const from of ['node', 'p1']) await leadsTo(lab, from, '10.96.0.7', 'p2');
      },
    },
    {
      name: 'none without one here',
      set: ({ proxy }) => proxy.setSlice(slice('int', [far])),
      async see(lab) {
        for (const from of ['node', 'p1']) {
          // The address is one of the node's in IPVS mode, where nobody listens.
          if (mode === 'ipvs') assert.equal(await lab.get(from, '10.96.0.7'), 'refused', from);
          else await noAnswer(lab, from, '10.96.0.7');
        }
      },
    },
  ],
};
