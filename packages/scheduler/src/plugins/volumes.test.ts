import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1Pod, V1StorageClass } from '@kubelab/api';
import { CycleState } from '../framework/cycle-state.js';
import { PodInfo } from '../framework/pod-info.js';
import { Harness, type World } from '../testing/harness.js';
import { aNode, aPod } from '../testing/objects.js';
import { ChangeBell } from './volume-binding/change-bell.js';

const zone = 'topology.kubernetes.io/zone';
const nodes = [aNode('a', { labels: { [zone]: 'a' } }), aNode('b', { labels: { [zone]: 'b' } })];
const storage = (size: string) => ({ requests: { storage: size } });
const claim = (
  name: string,
  o: Partial<V1PersistentVolumeClaim['spec']> & { annotations?: Record<string, string> } = {},
): V1PersistentVolumeClaim => {
  const { annotations, ...spec } = o;
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', annotations },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'wait', resources: storage('1Gi'), ...spec },
  };
};
const bound = (name: string, volumeName: string, o: object = {}): V1PersistentVolumeClaim =>
  claim(name, { volumeName, annotations: { 'pv.kubernetes.io/bind-completed': 'yes' }, ...o });
const volume = (
  name: string,
  node?: string,
  o: { size?: string; spec?: object; labels?: Record<string, string> } = {},
): V1PersistentVolume => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: '1', labels: o.labels },
  spec: {
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: o.size ?? '1Gi' },
    storageClassName: 'wait',
    nodeAffinity:
      node === undefined
        ? undefined
        : {
            required: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
              ],
            },
          },
    ...o.spec,
  },
  status: { phase: 'Available' },
});
const waiting: V1StorageClass = {
  metadata: { name: 'wait' },
  provisioner: 'kubernetes.io/no-provisioner',
  volumeBindingMode: 'WaitForFirstConsumer',
};
const dynamic = (o: Partial<V1StorageClass> = {}): V1StorageClass => ({
  ...waiting,
  provisioner: 'csi.example.com',
  ...o,
});
const using = (...names: string[]): V1Pod =>
  aPod('p', { spec: { volumes: names.map((n) => ({ name: n, persistentVolumeClaim: { claimName: n } })) } });
const ephemeral = aPod('p', { spec: { volumes: [{ name: 'e', ephemeral: { volumeClaimTemplate: { spec: {} } } }] } });
const onBoth = (reason: string) => ({ a: reason, b: reason });
const noMatch = "node(s) didn't find available persistent volumes to bind";
const noReach = 'node(s) had volume node affinity conflict';
const noSpace = 'node(s) did not have enough free storage';
const noZone = 'node(s) had no available volume zone';
const capacity = (size: string, o: object = {}) => ({
  metadata: { name: 'c', namespace: 'x' },
  storageClassName: 'wait',
  capacity: size,
  nodeTopology: { matchLabels: { [zone]: 'a' } },
  ...o,
});
const tracking = { csiDrivers: [{ metadata: { name: 'csi.example.com' }, spec: { storageCapacity: true } }] };

const cases: [string, V1Pod, Omit<World, 'nodes'>, Record<string, string>][] = [
  ['no such claim', using('c'), {}, onBoth('persistentvolumeclaim "c" not found')],
  [
    'claim of an ephemeral volume not made yet',
    ephemeral,
    {},
    onBoth('waiting for ephemeral volume controller to create the persistentvolumeclaim "p-e"'),
  ],
  [
    "another's claim of that name",
    ephemeral,
    { claims: [claim('p-e')] },
    onBoth('PVC default/p-e was not created for pod default/p (pod is not owner)'),
  ],
  [
    'lost claim',
    using('c'),
    { claims: [{ ...bound('c', 'v'), status: { phase: 'Lost' } }], volumes: [volume('v')] },
    onBoth('persistentvolumeclaim "c" bound to non-existent persistentvolume "v"'),
  ],
  [
    'claim that is going',
    using('c'),
    {
      claims: [
        { ...bound('c', 'v'), metadata: { ...bound('c', 'v').metadata, deletionTimestamp: '2024-01-01T00:00:00Z' } },
      ],
      volumes: [volume('v')],
    },
    onBoth('persistentvolumeclaim "c" is being deleted'),
  ],
  [
    'unbound without waiting',
    using('c'),
    {
      claims: [claim('c', { storageClassName: 'now' })],
      storageClasses: [dynamic({ metadata: { name: 'now' }, volumeBindingMode: 'Immediate' })],
    },
    onBoth('pod has unbound immediate PersistentVolumeClaims'),
  ],
  [
    'bound, reachable on one node',
    using('c'),
    { claims: [bound('c', 'v')], volumes: [volume('v', 'a')] },
    { a: '', b: noReach },
  ],
  [
    'bound to a volume that is gone',
    using('c'),
    { claims: [bound('c', 'v')] },
    onBoth('persistentvolume "v" not found'),
  ],
  [
    'waiting, a volume on one node',
    using('c'),
    { claims: [claim('c')], volumes: [volume('v', 'b')], storageClasses: [waiting] },
    { a: noMatch, b: '' },
  ],
  [
    'waiting, too small',
    using('c'),
    { claims: [claim('c', { resources: storage('2Gi') })], volumes: [volume('v', 'b')], storageClasses: [waiting] },
    onBoth(noMatch),
  ],
  [
    'waiting, other access mode',
    using('c'),
    { claims: [claim('c', { accessModes: ['ReadWriteMany'] })], volumes: [volume('v')], storageClasses: [waiting] },
    onBoth(noMatch),
  ],
  [
    'waiting, labels selected',
    using('c'),
    {
      claims: [claim('c', { selector: { matchLabels: { x: '1' } } })],
      volumes: [volume('v', 'a'), volume('w', 'b', { labels: { x: '1' } })],
      storageClasses: [waiting],
    },
    { a: noMatch, b: '' },
  ],
  [
    'waiting, block mode differs',
    using('c'),
    { claims: [claim('c', { volumeMode: 'Block' })], volumes: [volume('v')], storageClasses: [waiting] },
    onBoth(noMatch),
  ],
  [
    'waiting, reserved by a user for this claim',
    using('c'),
    {
      claims: [claim('c')],
      volumes: [volume('v', 'b', { spec: { claimRef: { namespace: 'default', name: 'c' } } }), volume('w')],
      storageClasses: [waiting],
    },
    { a: noMatch, b: '' },
  ],
  [
    'waiting, bound to another',
    using('c'),
    {
      claims: [claim('c')],
      volumes: [volume('v', 'b', { spec: { claimRef: { namespace: 'default', name: 'd', uid: 'x' } } })],
      storageClasses: [waiting],
    },
    onBoth(noMatch),
  ],
  [
    'two claims need two volumes',
    using('c', 'd'),
    {
      claims: [claim('c'), claim('d')],
      volumes: [volume('v', 'a'), volume('w', 'b'), volume('x', 'b')],
      storageClasses: [waiting],
    },
    { a: noMatch, b: '' },
  ],
  ['to be provisioned anywhere', using('c'), { claims: [claim('c')], storageClasses: [dynamic()] }, onBoth('')],
  [
    'to be provisioned where the class allows',
    using('c'),
    {
      claims: [claim('c')],
      storageClasses: [dynamic({ allowedTopologies: [{ matchLabelExpressions: [{ key: zone, values: ['b'] }] }] })],
    },
    { a: noMatch, b: '' },
  ],
  [
    'to be provisioned on the node chosen before',
    using('c'),
    {
      claims: [claim('c', { annotations: { 'volume.kubernetes.io/selected-node': 'b' } })],
      storageClasses: [dynamic()],
    },
    { a: noMatch, b: '' },
  ],
  [
    'to be provisioned where there is space',
    using('c'),
    { claims: [claim('c')], storageClasses: [dynamic()], storageCapacities: [capacity('10Gi')], ...tracking },
    { a: '', b: noSpace },
  ],
  [
    'largest volume of a driver',
    using('c'),
    {
      claims: [claim('c')],
      storageClasses: [dynamic()],
      storageCapacities: [capacity('10Gi', { maximumVolumeSize: '1Mi' })],
      ...tracking,
    },
    onBoth(noSpace),
  ],
  [
    'zone labels of the volume',
    using('c'),
    { claims: [bound('c', 'v')], volumes: [volume('v', undefined, { labels: { [zone]: 'a__z' } })] },
    { a: '', b: noZone },
  ],
  [
    'old zone label',
    using('c'),
    {
      claims: [bound('c', 'v')],
      volumes: [volume('v', undefined, { labels: { 'failure-domain.beta.kubernetes.io/zone': 'b' } })],
    },
    { a: noZone, b: '' },
  ],
];
for (const [what, pod, world, expected] of cases) {
  test(`volumes: ${what}`, () => assert.deepEqual(new Harness({ nodes, ...world }).filters(pod), expected));
}

const onA = (name: string, volumes: object[]) =>
  aPod(name, { node: 'a', spec: { nodeName: 'a', volumes: volumes as never } });
const disk = (o: object) => aPod('p', { spec: { volumes: [{ name: 'v', ...o }] } });
const rbd = (image: string, monitor: string, readOnly?: boolean) => ({
  rbd: { image, monitors: ['x', monitor], readOnly },
});
const noDisk = 'node(s) had no available disk';
const diskCases: [string, object, object, string][] = [
  ['gce', { gcePersistentDisk: { pdName: 'd' } }, { gcePersistentDisk: { pdName: 'd' } }, noDisk],
  [
    'gce read-only',
    { gcePersistentDisk: { pdName: 'd', readOnly: true } },
    { gcePersistentDisk: { pdName: 'd', readOnly: true } },
    '',
  ],
  [
    'gce, one writes',
    { gcePersistentDisk: { pdName: 'd', readOnly: true } },
    { gcePersistentDisk: { pdName: 'd' } },
    noDisk,
  ],
  [
    'ebs, even read-only',
    { awsElasticBlockStore: { volumeID: 'd', readOnly: true } },
    { awsElasticBlockStore: { volumeID: 'd', readOnly: true } },
    noDisk,
  ],
  [
    'iscsi',
    { iscsi: { iqn: 'q', lun: 0, targetPortal: 't' } },
    { iscsi: { iqn: 'q', lun: 1, targetPortal: 't' } },
    noDisk,
  ],
  ['rbd', rbd('i', 'a'), rbd('i', 'b'), noDisk],
  ['rbd, other image', rbd('i', 'a'), rbd('j', 'a'), ''],
];
for (const [what, wanted, there, reason] of diskCases) {
  test(`disks: ${what}`, () => {
    const h = new Harness({ nodes, pods: [onA('x', [{ name: 'v', ...there }])] });
    assert.deepEqual(h.filters(disk(wanted)), { a: reason, b: '' });
  });
}

test('ReadWriteOncePod: one pod of the cluster, wherever it is', () => {
  const claims = [bound('c', 'v', { accessModes: ['ReadWriteOncePod'] })];
  const user = onA('x', [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }]);
  const why = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';
  const h = new Harness({ nodes, claims, volumes: [volume('v')], pods: [user] });
  assert.deepEqual(h.filters(using('c')), onBoth(why));
  h.cache.removePod('default/x', user.metadata?.uid ?? '');
  assert.deepEqual(h.filters(using('c')), onBoth(''));
});

test('limits of drivers: other volumes count once each, shared ones and unprovisioned ones too', () => {
  const csi = (handle: string) => ({
    spec: { csi: { driver: 'csi.example.com', volumeHandle: handle }, nodeAffinity: undefined },
  });
  const world = (count: number): World => ({
    nodes: [aNode('a')],
    csiNodes: [
      {
        metadata: { name: 'a' },
        spec: { drivers: [{ name: 'csi.example.com', nodeID: 'a', allocatable: { count } }] },
      },
    ],
    claims: [bound('c1', 'v1'), bound('c2', 'v2'), claim('c3')],
    volumes: [volume('v1', undefined, csi('h1')), volume('v2', undefined, csi('h2'))],
    storageClasses: [dynamic()],
    pods: ['x', 'y'].map((n) => onA(n, [{ name: 'v', persistentVolumeClaim: { claimName: 'c1' } }])),
  });
  const full = 'node(s) exceed max volume count';
  const tries = (limit: number, ...claims: string[]) => new Harness(world(limit)).filters(using(...claims)).a;
  assert.equal(tries(1, 'c1'), '');
  assert.equal(tries(1, 'c2'), full);
  assert.equal(tries(2, 'c2'), '');
  assert.equal(tries(2, 'c2', 'c3'), full);
  assert.equal(tries(3, 'c2', 'c3'), '');
});

test('a decision counts for the next pod, until it is taken back or seen', () => {
  const h = new Harness({
    nodes: [aNode('a')],
    claims: [claim('c'), claim('d')],
    volumes: [volume('v', 'a')],
    storageClasses: [waiting],
  });
  const state = new CycleState();
  const first = using('c');
  h.select(first, state);
  assert.equal(h.framework.reserve(state, new PodInfo(first), 'a'), undefined);
  assert.deepEqual(h.filters(using('d')), { a: noMatch });
  h.framework.unreserve(state, new PodInfo(first), 'a');
  assert.deepEqual(h.filters(using('d')), { a: '' });
  h.framework.reserve(state, new PodInfo(first), 'a');
  // The API server's newer version wins over the assumption.
  h.informers.volumes.set({ ...volume('v', 'a'), metadata: { name: 'v', resourceVersion: '2' } });
  assert.deepEqual(h.filters(using('d')), { a: '' });
});

test('the bell looks after each change, and stops by time, error and signal', async () => {
  const h = new Harness({ nodes });
  const bell = new ChangeBell(h.informers.claims as never);
  const never = new AbortController();
  const there = () => h.informers.claims.lister.getByKey('default/c') !== undefined;
  const waits = bell.until(there, 60_000, never.signal);
  h.informers.claims.set(claim('other'));
  h.informers.claims.set(claim('c'));
  await waits;
  await assert.rejects(
    bell.until(() => false, 1, never.signal),
    /timed out waiting for the condition/,
  );
  const fails = bell.until(
    () => {
      if (h.informers.claims.lister.size > 2) throw new Error('gone');
      return false;
    },
    60_000,
    never.signal,
  );
  h.informers.claims.set(claim('third'));
  await assert.rejects(fails, /gone/);
  const stopped = bell.until(() => false, 60_000, never.signal);
  never.abort();
  await assert.rejects(stopped, /stopping/);
});
