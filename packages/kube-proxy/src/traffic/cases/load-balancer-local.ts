import assert from 'node:assert/strict';
import { freePort } from '@kubelab/component-base/testing';
import { service, slice } from '../../testing/objects.js';
import { noAnswer, type TrafficCase } from '../case.js';
import { far, p1, p1Ending, p2 } from '../objects.js';

const address = '192.0.2.80';

export const loadBalancerLocal: TrafficCase = {
  name: 'a load balancer address with policy Local',
  steps: (mode) => {
    let healthPort = 0;
    const health = async () => {
      const r = await fetch(`http://127.0.0.1:${healthPort}/`);
      return [r.status, r.headers.get('x-load-balancing-endpoint-weight'), await r.json()];
    };
    const answer = (localEndpoints: number) => ({
      service: { namespace: 'default', name: 'lbl' },
      localEndpoints,
      serviceProxyHealthy: true,
    });
    return [
      {
        name: 'an endpoint here sees the client; health tells how many there are',
        async set({ proxy }) {
          healthPort = await freePort();
          const spec = {
            type: 'LoadBalancer',
            externalTrafficPolicy: 'Local',
            healthCheckNodePort: healthPort,
            loadBalancerSourceRanges: ['192.168.77.0/24', '10.244.0.0/16'],
            ports: [{ name: 'http', port: 80, nodePort: 30018 }],
          };
          proxy.setService(service('lbl', '10.96.0.18', spec, { loadBalancer: { ingress: [{ ip: address }] } }));
          proxy.setSlice(slice('lbl', [p1, p2, far]));
        },
        async see(lab) {
          assert.match(await lab.get('client', address), /^p\d 192\.168\.77\.2$/);
          assert.deepEqual(await health(), [200, '2', answer(2)]);
        },
      },
      {
        name: 'one that ends still serves, while load balancers notice',
        set: ({ proxy }) => proxy.setSlice(slice('lbl', [p1Ending, far])),
        async see(lab) {
          assert.equal(await lab.get('client', address), 'p1 192.168.77.2');
          assert.deepEqual(await health(), [503, '0', answer(0)]);
        },
      },
      {
        name: 'without one here pods and the node go elsewhere',
        set: ({ proxy }) => proxy.setSlice(slice('lbl', [far])),
        async see(lab) {
          assert.match(await lab.get('p1', address), /^far /);
          assert.match(await lab.get('node', address), /^far /, 'which is in the source ranges');
          // As in kube-proxy's, IPVS mode sends others elsewhere too, as they are.
          if (mode === 'ipvs') assert.equal(await lab.get('client', address), 'far 192.168.77.2');
          else await noAnswer(lab, 'client', address);
        },
      },
      {
        name: 'nobody tells of its health when it is gone',
        set: ({ proxy }) => proxy.removeService(service('lbl', '10.96.0.18')),
        see: () => assert.rejects(health()),
      },
    ];
  },
};
