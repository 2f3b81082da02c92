import assert from 'node:assert/strict';
import { service, slice } from '../../testing/objects.js';
import type { TrafficCase } from '../case.js';
import { nodePort as onPort, p2 } from '../objects.js';

export const nodePort: TrafficCase = {
  name: 'node port',
  steps: (mode) => [
    {
      name: 'from outside, another node, a pod and the node; on localhost in iptables mode alone',
      set({ proxy }) {
        proxy.setService(service('np', '10.96.0.3', onPort(30003)));
        proxy.setSlice(slice('np', [p2]));
      },
      async see(lab) {
        assert.equal(await lab.get('client', '192.168.77.1:30003'), 'p2 10.244.1.1');
        assert.equal(await lab.get('far', '192.168.78.1:30003'), 'p2 10.244.1.1');
        assert.match(await lab.get('p1', '192.168.77.1:30003'), /^p2 /);
        assert.match(await lab.get('node', '192.168.77.1:30003'), /^p2 /);
        assert.match(await lab.get('node', '127.0.0.1:30003'), mode === 'iptables' ? /^p2 / : /^refused$/);
      },
    },
  ],
};
