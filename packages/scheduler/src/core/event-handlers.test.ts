import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node, V1Pod } from '@kubelab/api';
import type { Informer } from '@kubelab/client';
import type { SchedulerInformers } from '../framework/handle.js';
import { PodInfo } from '../framework/pod-info.js';
import { prioritySort } from '../plugins/priority-sort.js';
import { SchedulingQueue } from '../queue/scheduling-queue.js';
import { FakeInformer } from '../testing/fake-informer.js';
import { Harness } from '../testing/harness.js';
import { aNode, aPod } from '../testing/objects.js';
import { addEventHandlers } from './event-handlers.js';

function setUp() {
  const { informers, cache } = new Harness({ nodes: [] });
  const nodes = new FakeInformer<V1Node>();
  const queue = new SchedulingQueue({
    less: (a, b) => prioritySort().less?.(a, b) ?? false,
    gatedBy: () => undefined,
    // Whatever turned a pod down: new room on a node may help it.
    registrations: () => new Map([['Fit', [{ resource: 'Node', actions: ['Add', 'UpdateNodeAllocatable'] }]]]),
    initialBackoffMs: 1,
    maxBackoffMs: 1,
  });
  const gone: string[] = [];
  const all = { ...informers, nodes } as unknown as SchedulerInformers & { nodes: Informer<V1Node> };
  addEventHandlers(
    all,
    cache,
    queue,
    (pod) => pod.spec?.schedulerName !== 'other',
    (uid) => gone.push(uid),
  );
  const used = (node: string) => cache.updateSnapshot().get(node)?.requested.milliCpu;
  return { pods: informers.pods, nodes, cache, queue, gone, used };
}

const one = { requests: { cpu: '1' } };
const onNode = (pod: V1Pod, nodeName: string): V1Pod => ({ ...pod, spec: { containers: [], ...pod.spec, nodeName } });

test('pods without a node are queued, those of others and finished ones are not', () => {
  const { pods, queue } = setUp();
  pods.set(aPod('mine'));
  pods.set(aPod('foreign', { spec: { schedulerName: 'other' } }));
  pods.set(aPod('done', { status: { phase: 'Succeeded' } }));
  assert.equal(queue.pop()?.info.pod.metadata?.name, 'mine');
  assert.equal(queue.pop(), undefined);
  queue.close();
});

test('a pod that was bound leaves the queue and takes its space; a finished one gives it back', () => {
  const { pods, nodes, queue, used } = setUp();
  nodes.set(aNode('n'));
  const pod = aPod('p', one);
  pods.set(pod);
  pods.set(onNode(pod, 'n'));
  assert.equal(queue.pop(), undefined);
  assert.equal(used('n'), 1000);
  pods.set({ ...onNode(pod, 'n'), status: { phase: 'Failed' } });
  assert.equal(used('n'), 0);
  queue.close();
});

test('an assumed pod whose deletion is all that is seen of it gives its space back', () => {
  const { pods, nodes, cache, queue, gone, used } = setUp();
  nodes.set(aNode('n'));
  const pod = aPod('p', one);
  pods.set(pod);
  queue.pop();
  cache.assume(new PodInfo(pod), 'n');
  assert.equal(used('n'), 1000);
  pods.remove('default/p');
  assert.equal(used('n'), 0);
  assert.deepEqual(gone, [pod.metadata?.uid]);
  queue.close();
});

test('a heartbeat of a node wakes nobody, more room does', () => {
  const { pods, nodes, queue } = setUp();
  const node = aNode('n');
  nodes.set(node);
  pods.set(aPod('p'));
  const queued = queue.pop();
  assert.ok(queued);
  queued.rejectedBy = new Set(['Fit']);
  queue.addUnschedulable(queued);
  const beat = [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2024-01-01T00:00:00Z' }];
  nodes.set({ ...node, status: { ...node.status, conditions: beat } });
  nodes.set({ ...node, status: { ...node.status, conditions: [{ type: 'Ready', status: 'True' }] } });
  assert.equal(queue.counts().unschedulable, 1);
  nodes.set({ ...node, status: { allocatable: { cpu: '8', memory: '8Gi', pods: '10' } } });
  assert.equal(queue.counts().unschedulable, 0);
  queue.close();
});
