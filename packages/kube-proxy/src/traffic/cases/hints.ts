import type { V1Endpoint } from '@kubelab/api';
import { endpoint, service, slice } from '../../testing/objects.js';
import { leadsTo, type TrafficCase } from '../case.js';
import { p2 } from '../objects.js';
import type { Stage } from '../stage.js';

const hinted = (ip: string, zone: string, ...nodes: string[]) =>
  endpoint(ip, 'node1', {
    hints: { forZones: [{ name: zone }], ...(nodes[0] ? { forNodes: nodes.map((name) => ({ name })) } : {}) },
  });

function add({ proxy }: Stage, name: string, ip: string, endpoints: V1Endpoint[]): void {
  proxy.setService(service(name, ip, { trafficDistribution: 'PreferClose' }));
  proxy.setSlice(slice(name, endpoints));
}

const inZone = ({ proxy }: Stage, zone: string) =>
  proxy.setNode({ metadata: { name: 'node1', labels: { 'topology.kubernetes.io/zone': zone } } });

export const hints: TrafficCase = {
  name: 'hints of endpoints',
  steps: () => [
    {
      name: 'those of the zone; all where one has no hint; the node counts more than the zone',
      set(stage) {
        inZone(stage, 'z1');
        add(stage, 'near', '10.96.0.14', [hinted('10.244.1.11', 'z1'), hinted('10.244.1.12', 'z2')]);
        add(stage, 'lacking', '10.96.0.114', [hinted('10.244.1.11', 'z1'), p2]);
        add(stage, 'here', '10.96.0.115', [hinted('10.244.1.11', 'z1', 'node2'), hinted('10.244.1.12', 'z2', 'node1')]);
      },
      async see(lab) {
        await leadsTo(lab, 'node', '10.96.0.14', 'p1');
        await leadsTo(lab, 'p1', '10.96.0.114', 'p1', 'p2');
        await leadsTo(lab, 'p1', '10.96.0.115', 'p2');
      },
    },
    {
      name: "those of the node's new zone",
      set: (stage) => inZone(stage, 'z2'),
      see: (lab) => leadsTo(lab, 'p1', '10.96.0.14', 'p2'),
    },
    {
      name: 'all where none is for the zone',
      set: (stage) => inZone(stage, 'z3'),
      see: (lab) => leadsTo(lab, 'p1', '10.96.0.14', 'p1', 'p2'),
    },
  ],
};
