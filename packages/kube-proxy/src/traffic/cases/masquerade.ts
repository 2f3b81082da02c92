import assert from 'node:assert/strict';
import { service, slice } from '../../testing/objects.js';
import type { TrafficCase } from '../case.js';
import { p2 } from '../objects.js';

export const masquerade: TrafficCase = {
  name: 'source addresses',
  steps: () => [
    {
      name: 'a pod keeps its own towards others, who is no pod is masqueraded, and so is a pod towards itself',
      set({ proxy }) {
        proxy.setService(service('source', '10.96.0.2'));
        proxy.setSlice(slice('source', [p2]));
      },
      async see(lab) {
        assert.equal(await lab.get('p1', '10.96.0.2'), 'p2 10.244.1.11');
        assert.equal(await lab.get('client', '10.96.0.2'), 'p2 10.244.1.1');
        assert.equal(await lab.get('far', '10.96.0.2'), 'p2 10.244.1.1');
        assert.equal(await lab.get('p2', '10.96.0.2'), 'p2 10.244.1.1');
      },
    },
  ],
};
