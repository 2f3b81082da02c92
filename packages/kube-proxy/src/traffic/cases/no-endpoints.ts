import assert from 'node:assert/strict';
import type { Lab } from '../../testing/lab.js';
import { service, slice } from '../../testing/objects.js';
import type { TrafficCase } from '../case.js';
import { far, nodePort } from '../objects.js';

const addresses = ['10.96.0.5', '192.168.77.1:30005'];

async function see(lab: Lab, answer: RegExp): Promise<void> {
  for (const address of addresses) {
    for (const from of ['node', 'p1', 'client'])
      assert.match(await lab.get(from, address), answer, `${from} ${address}`);
  }
}

export const noEndpoints: TrafficCase = {
  name: 'no endpoints',
  steps: () => [
    {
      name: 'refused at once',
      set: ({ proxy }) => proxy.setService(service('none', '10.96.0.5', nodePort(30005))),
      see: (lab) => see(lab, /^refused$/),
    },
    {
      name: 'served when one comes',
      set: ({ proxy }) => proxy.setSlice(slice('none', [far])),
      see: (lab) => see(lab, /^far /),
    },
    {
      name: 'refused again when it is gone',
      set: ({ proxy }) => proxy.setSlice(slice('none', [])),
      see: (lab) => see(lab, /^refused$/),
    },
  ],
};
