import { service, slice } from '../../testing/objects.js';
import { leadsTo, type TrafficCase } from '../case.js';
import { p1Ending, p2 } from '../objects.js';

export const terminating: TrafficCase = {
  name: 'terminating endpoints',
  steps: () => [
    {
      name: 'get nothing while there is a ready one',
      set({ proxy }) {
        proxy.setService(service('ending', '10.96.0.10'));
        proxy.setSlice(slice('ending', [p1Ending, p2]));
      },
      see: (lab) => leadsTo(lab, 'node', '10.96.0.10', 'p2'),
    },
    {
      name: 'serve when there is none',
      set: ({ proxy }) => proxy.setSlice(slice('ending', [p1Ending])),
      see: (lab) => leadsTo(lab, 'node', '10.96.0.10', 'p1'),
    },
  ],
};
