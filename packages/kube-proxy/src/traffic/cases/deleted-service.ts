import assert from 'node:assert/strict';
import { service, slice } from '../../testing/objects.js';
import type { TrafficCase } from '../case.js';
import { nodePort, p1 } from '../objects.js';

const gone = service('gone', '10.96.0.21', nodePort(30021));

export const deletedService: TrafficCase = {
  name: 'a Service that is deleted',
  steps: () => [
    {
      name: 'is there',
      set({ proxy }) {
        proxy.setService(gone);
        proxy.setSlice(slice('gone', [p1]));
      },
      async see(lab, { mode }) {
        assert.match(await lab.get('client', '192.168.77.1:30021'), /^p1 /);
        assert.match(mode.shown(lab), /10\.96\.0\.21\b/);
      },
    },
    {
      name: 'is gone, from the kernel too',
      set: ({ proxy }) => proxy.removeService(gone),
      async see(lab, { mode }) {
        assert.equal(await lab.get('client', '192.168.77.1:30021'), 'refused');
        assert.doesNotMatch(mode.shown(lab), /10\.96\.0\.21\b|30021|default\/gone/);
      },
    },
  ],
};
