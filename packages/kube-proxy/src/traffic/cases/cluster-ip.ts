import { service, slice } from '../../testing/objects.js';
import { leadsTo, type TrafficCase } from '../case.js';
import { far, p1, p2 } from '../objects.js';

export const clusterIp: TrafficCase = {
  name: 'cluster IP',
  steps: () => [
    {
      name: 'all endpoints, from the node, a pod that is one of them, another node and outside',
      set({ proxy }) {
        proxy.setService(service('web', '10.96.0.1'));
        proxy.setSlice(slice('web', [p1, p2, far]));
      },
      async see(lab) {
        for (const from of ['node', 'p1', 'far', 'client']) await leadsTo(lab, from, '10.96.0.1', 'far', 'p1', 'p2');
      },
    },
  ],
};
