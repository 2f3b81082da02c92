import assert from 'node:assert/strict';
import { service, slice } from '../../testing/objects.js';
import type { TrafficCase } from '../case.js';
import { p1 } from '../objects.js';

const ports = [{ name: 's', port: 3868, protocol: 'SCTP' }];

/** By what the kernel shows alone: not every kernel has SCTP sockets. */
export const sctp: TrafficCase = {
  name: 'SCTP',
  steps: () => [
    {
      name: 'has rules of its own',
      set({ proxy }) {
        const spec = { type: 'NodePort', ports: [{ name: 's', port: 3868, protocol: 'SCTP', nodePort: 30022 }] };
        proxy.setService(service('sctp', '10.96.0.22', spec));
        proxy.setSlice(slice('sctp', [p1], ports));
      },
      async see(lab, { mode }) {
        const shown = mode.shown(lab);
        for (const rule of mode.sctp.served) assert.match(shown, rule);
      },
    },
    {
      name: 'is refused without endpoints',
      set: ({ proxy }) => proxy.setSlice(slice('sctp', [], ports)),
      see: async (lab, { mode }) => assert.match(mode.shown(lab), mode.sctp.refused),
    },
  ],
};
