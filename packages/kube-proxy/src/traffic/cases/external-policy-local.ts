import assert from 'node:assert/strict';
import { service, slice } from '../../testing/objects.js';
import { leadsTo, noAnswer, type TrafficCase } from '../case.js';
import { far, nodePort, p1 } from '../objects.js';

const address = '192.168.77.1:30006';

export const externalPolicyLocal: TrafficCase = {
  name: 'external traffic policy Local',
  steps: (mode) => [
    {
      name: 'an endpoint here sees the client; pods need not stay on the node',
      set({ proxy }) {
        proxy.setService(service('loc', '10.96.0.6', { ...nodePort(30006), externalTrafficPolicy: 'Local' }));
        proxy.setSlice(slice('loc', [p1, far]));
      },
      async see(lab) {
        for (let i = 0; i < 3; i++) assert.equal(await lab.get('client', address), 'p1 192.168.77.2');
        // A virtual server of IPVS has the same servers for everybody.
        if (mode === 'ipvs') await leadsTo(lab, 'p2', address, 'p1');
        else await leadsTo(lab, 'p2', address, 'far', 'p1');
      },
    },
    {
      name: 'without an endpoint here pods and the node go elsewhere',
      set: ({ proxy }) => proxy.setSlice(slice('loc', [far])),
      async see(lab) {
        for (const from of ['node', 'p1']) assert.match(await lab.get(from, address), /^far /, from);
        assert.match(await lab.get('node', '10.96.0.6'), /^far /);
        // As in kube-proxy's, IPVS mode sends others elsewhere too, as they are.
        if (mode === 'ipvs') assert.equal(await lab.get('client', address), 'far 192.168.77.2');
        else await noAnswer(lab, 'client', address);
      },
    },
  ],
};
