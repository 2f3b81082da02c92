import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gvr } from '@kubelab/client';
import { type Any, eventually, TestCluster, template, workload } from './test-cluster.js';

const cluster = new TestCluster();
const { api, find, gone, podsOf, statusOf } = cluster;

test('a taint by hand: pods that do not tolerate it go, others after their time', async () => {
  const bound = (name: string, tolerations: unknown[]): Any => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeName: 'node-b',
      containers: [{ name: 'main', image: 'x' }],
      terminationGracePeriodSeconds: 1,
      tolerations,
    },
  });
  await api(gvr.pods).create(bound('intolerant', []));
  await api(gvr.pods).create(
    bound('patient', [{ key: 'test', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3600 }]),
  );
  await eventually('both to run', async () => {
    const phases = [await statusOf(gvr.pods, 'intolerant'), await statusOf(gvr.pods, 'patient')].map(
      ({ phase }) => phase,
    );
    return phases.every((phase) => phase === 'Running');
  });
  await cluster.client
    .resource<Any>(gvr.nodes)
    .patch('node-b', { spec: { taints: [{ key: 'test', effect: 'NoExecute' }] } }, { type: 'merge' });
  await gone(gvr.pods, 'intolerant');
  assert.equal((await find(gvr.pods, 'patient'))?.metadata?.deletionTimestamp, undefined);
  await cluster.client.resource<Any>(gvr.nodes).patch('node-b', { spec: { taints: null } }, { type: 'merge' });
  await api(gvr.pods).delete('patient');
});

test('a silent node: Unknown, tainted, its pods out of service and given up; and back', async () => {
  const tolerations = [
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 },
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 },
  ];
  const podTemplate = template('lost');
  podTemplate.spec = { ...podTemplate.spec, containers: podTemplate.spec?.containers ?? [], tolerations };
  await api(gvr.replicasets).create(workload('apps/v1', 'ReplicaSet', 'lost', { replicas: 3, template: podTemplate }));
  await eventually('3 ready', async () => (await statusOf(gvr.replicasets, 'lost')).readyReplicas === 3);
  cluster.nodes.silence('node-c');
  await eventually('the taint', async () => {
    const node = await find(gvr.nodes, 'node-c', '');
    const taints = (node?.spec?.taints ?? []) as { key: string; effect: string }[];
    return taints.some((t) => t.key === 'node.kubernetes.io/unreachable' && t.effect === 'NoExecute');
  });
  await eventually('replacements elsewhere', async () => {
    const pods = await podsOf('lost');
    return pods.filter((p) => p.spec?.nodeName !== 'node-c' && p.status?.phase === 'Running').length === 3;
  });
  cluster.nodes.wake('node-c');
});

for (const process of ['controller-manager', 'apiserver', 'etcd'] as const) {
  test(`${process} killed in the middle of a rollout: it goes on, and nothing is lost`, async () => {
    const name = `crash-${process}`;
    await api(gvr.deployments).create(workload('apps/v1', 'Deployment', name, { replicas: 5 }));
    await cluster.restart(process);
    await eventually('5 available', async () => (await statusOf(gvr.deployments, name)).availableReplicas === 5);
    // One whose creation was not answered may have been made once more.
    await eventually('5 pods', async () => (await podsOf(name)).length === 5);
    await api(gvr.deployments).delete(name, { propagationPolicy: 'Foreground' });
    await gone(gvr.deployments, name);
  });
}
