import type { V1Endpoint } from '@kubelab/api';
import { service, slice } from '../../testing/objects.js';
import { leadsTo, type TrafficCase } from '../case.js';
import { far, p1, p2 } from '../objects.js';

const port = (name: string, number: number) => ({ name, port: number, protocol: 'TCP' });

/** A slice of several. */
const part = (n: number, e: V1Endpoint, ports: object[]) => {
  const s = slice('multi', [e], ports as ReturnType<typeof port>[]);
  return { ...s, metadata: { ...s.metadata, name: `multi-${n}` } };
};

export const targetPorts: TrafficCase = {
  name: 'target ports',
  steps: () => [
    {
      name: 'are those of each slice; ports of one Service are apart',
      set({ proxy }) {
        proxy.setService(service('multi', '10.96.0.15', { ports: [port('http', 80), port('admin', 81)] }));
        proxy.setSlice(part(1, p1, [port('http', 8080)]));
        proxy.setSlice(part(2, p2, [port('http', 8081)]));
        proxy.setSlice(part(3, far, [port('admin', 8080)]));
      },
      async see(lab) {
        await leadsTo(lab, 'node', '10.96.0.15', 'p1', 'p2:8081');
        await leadsTo(lab, 'node', '10.96.0.15:81', 'far');
      },
    },
  ],
};
