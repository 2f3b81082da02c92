import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { service, slice } from '../../testing/objects.js';
import { leadsTo, type Step, type TrafficCase } from '../case.js';
import { far, p1, p2 } from '../objects.js';

const address = '10.96.0.9';
const all = { p1, p2, far };

const sticky = (timeoutSeconds: number) =>
  service('stick', address, {
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds } },
  });

export const sessionAffinity: TrafficCase = {
  name: 'session affinity',
  steps: (mode) => {
    let first = '';
    let second = '';
    const nameOf = (answer: string) => answer.split(' ')[0] ?? '';
    const without = (name: string) => Object.entries(all).flatMap(([n, e]) => (n === name ? [] : [e]));
    const states: Step[] = [
      {
        name: 'a client sticks to one endpoint',
        set({ proxy }) {
          proxy.setService(sticky(3600));
          proxy.setSlice(slice('stick', Object.values(all)));
        },
        async see(lab) {
          first = nameOf(await lab.get('client', address));
          for (let i = 0; i < 6; i++) assert.equal(nameOf(await lab.get('client', address)), first);
        },
      },
      {
        name: 'it ends with its endpoint',
        set: ({ proxy }) => proxy.setSlice(slice('stick', without(first))),
        async see(lab) {
          second = nameOf(await lab.get('client', address));
          assert.ok(second !== first && second in all, second);
          for (let i = 0; i < 4; i++) assert.equal(nameOf(await lab.get('client', address)), second);
        },
      },
      {
        name: 'it ends with its time',
        set: ({ proxy }) => proxy.setService(sticky(1)),
        async see(lab) {
          // Each connection prolongs it, so each try waits until it is over.
          const seen = new Set<string>();
          for (let turn = 0; turn < 30 && seen.size < 2; turn++) {
            seen.add(nameOf(await lab.get('client', address)));
            await delay(1100);
          }
          assert.equal(seen.size, 2, 'after its time the client goes anywhere');
        },
      },
      {
        name: 'it ends when it is taken back',
        set({ proxy }) {
          proxy.setService(service('stick', address));
          proxy.setSlice(slice('stick', Object.values(all)));
        },
        see: (lab) => leadsTo(lab, 'client', address, 'far', 'p1', 'p2'),
      },
    ];
    // In IPVS the connections of before count for as long as the kernel remembers them, two minutes after their end.
    return mode === 'ipvs' ? states.filter((s) => s !== states[2]) : states;
  },
};
