import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '@kubelab/api';
import { gvr, waitFor } from '@kubelab/client';
import { TestCluster } from './lib/cluster.js';
import type { ServiceProcess } from './lib/process.js';

let cluster: TestCluster;
let scheduler: ServiceProcess;

before(async () => {
  cluster = await TestCluster.start();
  const config = cluster.api.file('scheduler.yaml');
  writeFileSync(
    config,
    `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
podMaxBackoffSeconds: 2
profiles:
  - schedulerName: default-scheduler
  - schedulerName: packer
    pluginConfig:
      - name: NodeResourcesFit
        args: { scoringStrategy: { type: MostAllocated } }
`,
  );
  scheduler = await cluster.run('scheduler', [`--config=${config}`]);
  await cluster.run('controller-manager', [
    '--controllers=persistentvolume-binder-controller',
    '--leader-elect=false',
    '--use-service-account-credentials',
  ]);
  await cluster.create(gvr.priorityclasses, {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'high' },
    value: 1000,
  } as never);
  await cluster.addNode('a', { labels: { pool: 'main' } });
  await cluster.addNode('b', { labels: { pool: 'main' } });
});

after(async () => {
  // Shown only for a test that failed.
  if (process.exitCode) console.error(scheduler?.log);
  await cluster?.stop();
});

test('a pod goes to a node that fits, with an event; one that fits nowhere says why, and goes when it fits', async () => {
  await cluster.addPod('fits', {}, '1');
  const node = await cluster.nodeOf('fits');
  assert.equal(await cluster.eventOf('fits', 'Scheduled'), `Successfully assigned default/fits to ${node}`);
  const bound = await cluster.pods.get('fits');
  assert.equal(bound.status?.conditions?.find((c) => c.type === 'PodScheduled')?.status, 'True');
  await cluster.addPod('waits', { nodeSelector: { disk: 'ssd' } });
  await cluster.notScheduled(
    'waits',
    /^0\/2 nodes are available: 2 node\(s\) didn't match Pod's node affinity\/selector\./,
  );
  assert.match(await cluster.eventOf('waits', 'FailedScheduling'), /^0\/2 nodes are available/);
  await cluster.client.resource(gvr.nodes).patch('b', { metadata: { labels: { disk: 'ssd' } } }, { type: 'merge' });
  assert.equal(await cluster.nodeOf('waits'), 'b');
  await Promise.all(['fits', 'waits'].map((name) => cluster.pods.delete(name, { gracePeriodSeconds: 0 })));
});

test('gates hold a pod back', async () => {
  await cluster.addPod('gated', { schedulingGates: [{ name: 'example.com/gate' }] });
  const pod = await cluster.pods.get('gated');
  assert.equal(pod.status?.conditions?.find((c) => c.type === 'PodScheduled')?.reason, 'SchedulingGated');
  await cluster.addPod('after', {});
  await cluster.nodeOf('after');
  assert.equal((await cluster.pods.get('gated')).spec?.nodeName, undefined);
  await cluster.pods.patch('gated', { spec: { schedulingGates: null } }, { type: 'merge' });
  await cluster.nodeOf('gated');
  await Promise.all(['gated', 'after'].map((name) => cluster.pods.delete(name, { gracePeriodSeconds: 0 })));
});

test('profiles of the configuration file schedule by their own arguments', async () => {
  await cluster.addPod('seed', { nodeSelector: { 'kubernetes.io/hostname': 'a' } }, '1');
  await cluster.nodeOf('seed');
  for (const name of ['p1', 'p2']) {
    await cluster.addPod(name, { schedulerName: 'packer' }, '1');
    assert.equal(await cluster.nodeOf(name), 'a');
  }
  await cluster.addPod('spread', {}, '1');
  assert.equal(await cluster.nodeOf('spread'), 'b');
  await cluster.addPod('foreign', { schedulerName: 'nobody' });
  await Promise.all(
    ['seed', 'p1', 'p2', 'spread', 'foreign'].map((n) => cluster.pods.delete(n, { gracePeriodSeconds: 0 })),
  );
});

test('a pod of higher priority preempts: victims marked and deleted, the node nominated, then taken', async () => {
  // No disruption is allowed: the other node is the one to preempt on. The scheduler, which watches budgets and pods
  // apart, knows of it before those pods are there.
  const spec = { selector: { matchLabels: { protected: 'yes' } }, minAvailable: 1 };
  const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' }, spec };
  await cluster.create(gvr.poddisruptionbudgets, budget, 'default');
  await cluster.addPod('low-a', { nodeSelector: { 'kubernetes.io/hostname': 'a' } }, '3');
  await cluster.addPod('low-b', { nodeSelector: { 'kubernetes.io/hostname': 'b' } }, '4', { protected: 'yes' });
  await Promise.all([cluster.nodeOf('low-a'), cluster.nodeOf('low-b')]);
  await cluster.addPod('high', { priorityClassName: 'high', nodeSelector: { pool: 'main' } }, '2');
  const waiting = await cluster.podWith('high', 'to be nominated', (p) => Boolean(p.status?.nominatedNodeName));
  assert.equal(waiting.status?.nominatedNodeName, 'a');
  const victim = await cluster.podWith('low-a', 'to be deleted', (p) => Boolean(p.metadata?.deletionTimestamp));
  const target = victim.status?.conditions?.find((c) => c.type === 'DisruptionTarget');
  assert.equal(target?.reason, 'PreemptionByScheduler');
  assert.match(await cluster.eventOf('low-a', 'Preempted'), /^Preempted by pod [0-9a-f-]+ on node a$/);
  // What will be free is not given to a pod of lower priority.
  await cluster.addPod('thief', {}, '2');
  await cluster.notScheduled('thief', /^0\/2 nodes are available/);
  // What a node agent does when the containers have ended.
  await cluster.pods.delete('low-a', { gracePeriodSeconds: 0 });
  assert.equal(await cluster.nodeOf('high'), 'a');
  assert.equal((await cluster.pods.get('low-b')).metadata?.deletionTimestamp, undefined);
  assert.equal(await cluster.nodeOf('thief'), 'a');
  await Promise.all(['low-b', 'high', 'thief'].map((n) => cluster.pods.delete(n, { gracePeriodSeconds: 0 })));
});

const local = (name: string, node: string): V1PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name },
  spec: {
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: '1Gi' },
    storageClassName: 'local',
    local: { path: '/tmp/x' },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }],
      },
    },
  },
});
const claimOf = (name: string, storageClassName: string): V1PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default' },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: '1Gi' } } },
});
const volumesOf = (claim: string) => ({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: claim } }] });

test('a claim that waits for its first consumer is bound where the pod goes, and the pod goes where a volume is', async () => {
  const storageClass = (name: string, provisioner: string) =>
    cluster.create(gvr.storageclasses, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name },
      provisioner,
      volumeBindingMode: 'WaitForFirstConsumer',
    });
  await storageClass('local', 'kubernetes.io/no-provisioner');
  await storageClass('dynamic', 'csi.example.com');
  await cluster.addPod('user', volumesOf('data'));
  await cluster.notScheduled('user', /persistentvolumeclaim "data" not found/);
  await cluster.create(gvr.persistentvolumeclaims, claimOf('data', 'local'), 'default');
  await cluster.notScheduled('user', /2 node\(s\) didn't find available persistent volumes to bind/);
  await cluster.create(gvr.persistentvolumes, local('vol-b', 'b'));
  assert.equal(await cluster.nodeOf('user'), 'b');
  const claims = cluster.client.resource<V1PersistentVolumeClaim>(gvr.persistentvolumeclaims).namespace('default');
  assert.equal((await claims.get('data')).spec?.volumeName, 'vol-b');
  // A provisioner is told the node; the pod is bound only when the volume is there.
  await cluster.create(gvr.persistentvolumeclaims, claimOf('later', 'dynamic'), 'default');
  await cluster.addPod('provisioned', { ...volumesOf('later'), nodeSelector: { 'kubernetes.io/hostname': 'a' } });
  const chosen = await waitFor(
    'the selected node',
    async () => (await claims.get('later')).metadata?.annotations?.['volume.kubernetes.io/selected-node'],
    { timeoutMs: 180_000 },
  );
  assert.equal(chosen, 'a');
  assert.equal((await cluster.pods.get('provisioned')).spec?.nodeName, undefined);
  const made = local('made', 'a');
  const later = await claims.get('later');
  await cluster.create(gvr.persistentvolumes, {
    ...made,
    spec: {
      ...made.spec,
      storageClassName: 'dynamic',
      claimRef: { namespace: 'default', name: 'later', uid: later.metadata?.uid },
    },
  });
  assert.equal(await cluster.nodeOf('provisioned'), 'a');
});

test('SIGTERM: the lease is free at once, and the process ends cleanly', async () => {
  assert.equal(await scheduler.end('SIGTERM'), 0);
  const lease = await cluster.client.resource(gvr.leases).namespace('kube-system').get('kube-scheduler');
  assert.equal((lease as unknown as { spec: { holderIdentity?: string } }).spec.holderIdentity ?? '', '');
});
