import assert from 'node:assert/strict';
import { service, slice } from '../../testing/objects.js';
import type { TrafficCase } from '../case.js';
import { p2 } from '../objects.js';

/** Of the node's own, reachable by its address. */
const ownPort = 9999;

export const unknownPort: TrafficCase = {
  name: "a port that a Service lacks, and the node's own ports",
  steps: (mode) => [
    {
      name: "are not reachable by the Service's address",
      async set({ lab, proxy }) {
        await lab.serveOnNode(ownPort);
        proxy.setService(service('port', '10.96.0.4'));
        proxy.setSlice(slice('port', [p2]));
      },
      async see(lab) {
        assert.match(await lab.get('p1', `192.168.77.1:${ownPort}`), /^node:/);
        for (const port of [81, ownPort]) {
          // In iptables mode kube-proxy knows nothing of the packet, which goes where the routes lead: here to nobody.
          if (mode === 'iptables') assert.doesNotMatch(await lab.get('p1', `10.96.0.4:${port}`, 1), / /);
          else assert.equal(await lab.get('p1', `10.96.0.4:${port}`), 'refused');
        }
        if (mode !== 'iptables') assert.equal(await lab.get('node', '10.96.0.4:81'), 'refused');
        for (const from of ['node', 'p1']) assert.match(await lab.get(from, '10.96.0.4'), /^p2 /, from);
      },
    },
  ],
};
