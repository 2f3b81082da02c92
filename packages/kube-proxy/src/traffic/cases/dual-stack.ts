import assert from 'node:assert/strict';
import { endpoint, service, slice } from '../../testing/objects.js';
import type { TrafficCase } from '../case.js';
import { nodePort, p1 } from '../objects.js';

const ips = { clusterIPs: ['10.96.0.16', 'fd00:96::16'] };

export const dualStack: TrafficCase = {
  name: 'a dual-stack Service',
  steps: () => [
    {
      name: 'answers on the addresses of both families',
      set({ proxy }) {
        const six = slice('both', [endpoint('fd00:244:1::12', 'node1')]);
        proxy.setService(service('both', '10.96.0.16', { ...nodePort(30016), ...ips }));
        proxy.setSlice(slice('both', [p1]));
        proxy.setSlice({ ...six, metadata: { ...six.metadata, name: 'both-6' } });
      },
      async see(lab) {
        assert.match(await lab.get('client', '10.96.0.16'), /^p1 /);
        assert.match(await lab.get('p1', '[fd00:96::16]'), /^p2 /);
        assert.match(await lab.get('client', '192.168.77.1:30016'), /^p1 /);
        assert.match(await lab.get('client', '[fd00:77::1]:30016'), /^p2 /);
      },
    },
    {
      name: 'its node port goes from both',
      set: ({ proxy }) => proxy.setService(service('both', '10.96.0.16', ips)),
      async see(lab) {
        assert.equal(await lab.get('client', '192.168.77.1:30016'), 'refused');
        assert.equal(await lab.get('client', '[fd00:77::1]:30016'), 'refused');
        assert.match(await lab.get('p1', '[fd00:96::16]'), /^p2 /);
      },
    },
  ],
};
