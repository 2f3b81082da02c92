// Volumes of the default storage class: made where the pod is, kept over a restart of the pod, grown, and removed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { getJson, kubectl, kubectlInput, tryKubectl } from './lib/cluster.js';
import { eventually } from './lib/exec.js';

interface Claim {
  spec: { volumeName: string };
  status: { phase: string; capacity?: { storage: string } };
}

const namespace = 'storage';
const kubectlIn = (...args: string[]) => kubectl('-n', namespace, ...args);
const claim = () => getJson<Claim>('pvc', 'data-db-0', '-n', namespace);

const set = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db' },
  spec: {
    serviceName: 'db',
    selector: { matchLabels: { app: 'db' } },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
    template: {
      metadata: { labels: { app: 'db' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        securityContext: { runAsUser: 1000 },
        containers: [
          {
            name: 'db',
            image: 'kubelab/busybox',
            command: ['sh', '-c', 'echo started >> /data/log; sleep 1000000'],
            readinessProbe: { exec: { command: ['test', '-e', '/data/log'] }, periodSeconds: 1 },
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          },
        ],
      },
    },
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    ],
  },
};

before(async () => {
  await kubectl('create', 'namespace', namespace);
  await kubectlInput(JSON.stringify(set), '-n', namespace, 'create', '-f', '-');
});

after(async () => {
  await kubectl('delete', 'namespace', namespace, '--wait=true', '--timeout=300s');
});

test('a claim without a class gets a volume where its pod is, and keeps what is in it', async () => {
  await kubectlIn('rollout', 'status', 'statefulset/db', '--timeout=300s');
  await kubectlIn('delete', 'pod', 'db-0');
  await eventually(async () => {
    assert.equal(await kubectlIn('exec', 'db-0', '--', 'cat', '/data/log'), 'started\nstarted\n');
  });
});

test('a claim that asks for more is grown', async () => {
  const more = { spec: { resources: { requests: { storage: '2Gi' } } } };
  await kubectlIn('patch', 'pvc', 'data-db-0', '--patch', JSON.stringify(more));
  await eventually(async () => assert.equal((await claim()).status.capacity?.storage, '2Gi'));
});

test('claim, volume and helper pods are gone with the set', async () => {
  const { volumeName } = (await claim()).spec;
  await kubectlIn('delete', 'statefulset', 'db');
  await eventually(async () => {
    assert.match((await tryKubectl('get', 'pv', volumeName)).stderr, /not found/);
    assert.equal(
      await kubectl('get', 'pods', '-n', 'kube-system', '-l', 'kubelab.io/volume-directory', '-o', 'name'),
      '',
    );
  });
});
