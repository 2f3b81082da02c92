import assert from 'node:assert/strict';
import { service, slice } from '../../testing/objects.js';
import { noAnswer, type TrafficCase } from '../case.js';
import { p1, p2 } from '../objects.js';

const external = '192.0.2.77';
const balancer = '192.0.2.78';

const allowed = (...ranges: string[]) =>
  service(
    'lb',
    '10.96.0.8',
    {
      type: 'LoadBalancer',
      loadBalancerSourceRanges: ranges,
      externalIPs: [external],
      ports: [{ name: 'http', port: 80, nodePort: 30008 }],
    },
    { loadBalancer: { ingress: [{ ip: balancer }] } },
  );

export const sourceRanges: TrafficCase = {
  name: 'external IPs, and load balancer addresses with source ranges',
  steps: () => [
    {
      name: 'of the link: the client and the node, no pod',
      set({ proxy }) {
        proxy.setService(allowed('192.168.77.0/24'));
        proxy.setSlice(slice('lb', [p1, p2]));
      },
      async see(lab) {
        assert.match(await lab.get('client', external), /^p\d 10\.244\.1\.1$/);
        assert.match(await lab.get('client', balancer), /^p\d 10\.244\.1\.1$/);
        assert.match(await lab.get('node', balancer), /^p\d /);
        await noAnswer(lab, 'p1', balancer);
      },
    },
    {
      name: 'of the client alone',
      set: ({ proxy }) => proxy.setService(allowed('192.168.77.2/32')),
      async see(lab) {
        assert.match(await lab.get('client', balancer), /^p\d /);
        await noAnswer(lab, 'node', balancer);
      },
    },
    {
      name: 'of others: they do not count for external IPs',
      set: ({ proxy }) => proxy.setService(allowed('192.168.99.0/24')),
      async see(lab) {
        assert.match(await lab.get('client', external), /^p\d /);
        await noAnswer(lab, 'client', balancer);
      },
    },
    {
      name: 'of everybody',
      set: ({ proxy }) => proxy.setService(allowed('0.0.0.0/0')),
      async see(lab) {
        for (const from of ['client', 'node', 'p1']) assert.match(await lab.get(from, balancer), /^p\d /, from);
      },
    },
  ],
};
