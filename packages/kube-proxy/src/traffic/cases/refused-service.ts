import assert from 'node:assert/strict';
import { service, slice } from '../../testing/objects.js';
import { leadsTo, type TrafficCase } from '../case.js';
import { p1, p2 } from '../objects.js';

const bad = service('bad', '10.96.0.19', { ports: [{ name: 'http', port: 70000 }] });

export const refusedService: TrafficCase = {
  name: 'a Service that the kernel refuses',
  steps: () => [
    {
      name: 'is reported, others work',
      set({ proxy }) {
        proxy.setService(bad);
        proxy.setSlice(slice('bad', [p1, p2]));
        proxy.setService(service('other', '10.96.0.20'));
        proxy.setSlice(slice('other', [p1, p2]));
      },
      async see(lab, { problems }) {
        await leadsTo(lab, 'node', '10.96.0.20', 'p1', 'p2');
        assert.match(problems.join('\n'), /^bad: cannot be programmed: /m);
      },
    },
    {
      name: 'goes',
      set: ({ proxy }) => proxy.removeService(bad),
      see: (lab) => leadsTo(lab, 'node', '10.96.0.20', 'p1', 'p2'),
    },
  ],
};
