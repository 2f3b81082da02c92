import assert from 'node:assert/strict';
import type { Backend } from '@kubelab/node-iptables';
import { service, slice } from '../../testing/objects.js';
import type { TrafficCase } from '../case.js';
import { p1 } from '../objects.js';
import type { Mode } from '../stage.js';
import { addForeign, flush, keepsForeign } from './foreign.js';

/** The other modes leave others' firewalls alone, as kube-proxy's do. */
const healthPort: TrafficCase = {
  name: 'a health check node port',
  steps: () => [
    {
      name: 'is open in the filter table',
      set({ proxy }) {
        const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30124 };
        proxy.setService(service('open', '10.96.0.24', spec));
        proxy.setSlice(slice('open', [p1]));
      },
      async see(lab, { mode }) {
        assert.match(mode.shown(lab), /--dport 30124 -j ACCEPT/);
      },
    },
  ],
};

export const iptablesMode = (backend: Backend): Mode => ({
  mode: 'iptables',
  backend,
  // Somebody else's flush is noticed in that time.
  options: { syncPeriodMs: 200 },
  prepare: (lab) => addForeign(lab, backend),
  shown: (lab) => lab.run(`iptables-${backend}-save`),
  shownOf: (lab, clusterIP) =>
    lab
      .run(`iptables-${backend}-save`, '-t', 'nat')
      .split('\n')
      .filter((line) => line.includes('default/good') || line.includes(clusterIP))
      .sort(),
  sctp: {
    served: [
      /-A KUBE-SERVICES -d 10\.96\.0\.22\/32 -p sctp .*--dport 3868 -j KUBE-SVC-/,
      /-A KUBE-SEP-\S+ -p sctp .*-j DNAT --to-destination 10\.244\.1\.11:3868/,
      /-A KUBE-NODEPORTS .*-p sctp .*--dport 30022|-A KUBE-NODEPORTS -p sctp .*--dport 30022/,
    ],
    refused: /-A KUBE-SERVICES -d 10\.96\.0\.22\/32 -p sctp .*-j REJECT/,
  },
  takeAways: [async ({ lab }) => flush(lab, backend, '-F'), async ({ lab }) => flush(lab, backend, '-F', '-X')],
  keepsOthers: (lab) => keepsForeign(lab, backend),
  cases: [healthPort],
});
