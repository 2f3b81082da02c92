import assert from 'node:assert/strict';
import type { V1NetworkPolicySpec } from '@kubelab/api';
import { createLogger } from '@kubelab/component-base';
import { endpoint, type Lab, service, slice, type TrafficCase } from '@kubelab/kube-proxy/testing';
import { Iptables } from '@kubelab/node-iptables';
import { PolicyEnforcer } from '@kubelab/node-network';

const pods = [
  ['p1', '10.244.1.11'],
  ['p2', '10.244.1.12'],
] as const;
const one = '10.96.0.28';
const away = '10.96.0.29';

const policy = (spec: V1NetworkPolicySpec) => ({ metadata: { name: 'only', namespace: 'default' }, spec });
const pod = (app: string) => ({ podSelector: { matchLabels: { app } } });
const nodePort = (port: number) => ({ type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: port }] });

/** With an enforcer for as long as it takes: what IPVS sends to pods is told by who sent it. */
export const policies: TrafficCase = {
  name: 'NetworkPolicies',
  steps: () => [
    {
      name: 'hold for what IPVS sends to pods, and not for what it takes',
      set({ proxy }) {
        proxy.setService(service('one', one, nodePort(30028)));
        proxy.setSlice(slice('one', [endpoint('10.244.1.12', 'node1')]));
        proxy.setService(service('away', away, nodePort(30029)));
        proxy.setSlice(slice('away', [endpoint('10.244.2.11', 'node2')]));
      },
      see,
    },
  ],
};

async function see(lab: Lab): Promise<void> {
  const noAnswer = async (from: string, address: string, why: string) =>
    assert.equal(await lab.get(from, address, 1), 'timeout', why);
  const ended = new AbortController();
  const enforcer = new PolicyEnforcer({
    nodeName: 'node1',
    iptables: new Map([['ipv4', new Iptables({ family: 'ipv4', backend: 'legacy' })]]),
    ipvs: true,
    logger: createLogger({ component: 'guest', format: 'text', verbosity: 0 }),
    signal: ended.signal,
  });
  for (const [name, podIP] of pods) {
    enforcer.setPod({
      metadata: { name, namespace: 'default', labels: { app: name } },
      spec: { nodeName: 'node1', containers: [] },
      status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }] },
    });
  }
  const enforcing = enforcer.run();

  enforcer.setPolicy(policy({ ...pod('p2'), ingress: [{ from: [{ ipBlock: { cidr: '192.168.77.2/32' } }] }] }));
  await enforcer.settled();
  await noAnswer('p1', one, 'ingress: another pod is not allowed');
  assert.match(await lab.get('client', one), /^p2 /, 'the client is, by its own address');
  assert.match(await lab.get('client', '192.168.77.1:30028'), /^p2 /);
  assert.match(await lab.get('node', one), /^p2 /, 'and the node always');

  enforcer.setPolicy(policy({ ...pod('p1'), policyTypes: ['Egress'], egress: [{ to: [pod('p2')] }] }));
  await enforcer.settled();
  assert.match(await lab.get('p1', one), /^p2 /, 'egress to a Service of an allowed pod');
  assert.match(await lab.get('p1', '192.168.77.1:30028'), /^p2 /);
  await noAnswer('p1', away, 'not to one of others');
  await noAnswer('p1', '192.168.77.1:30029', 'not to one of others');
  await noAnswer('p1', '192.168.77.1:9999', 'nor to the node');

  ended.abort();
  await enforcing;
  for (const what of ['-F', '-X']) lab.run('iptables-legacy', '-t', 'mangle', what);
}
