import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1PodStatus } from '@kubelab/api';
import { newNotFound } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import { aPod } from '../testing/objects.js';
import { StatusManager } from './manager.js';

const ready = (status: string): V1PodStatus => ({ phase: 'Running', conditions: [{ type: 'Ready', status }] });

const pod = { ...aPod(), metadata: { ...aPod().metadata, resourceVersion: '1' } };

/** A manager whose writes are noted; each calls the next of `during` before it is answered, which may refuse it. */
function manager(during: (() => void)[]): { statuses: StatusManager; patches: V1PodStatus[] } {
  const patches: V1PodStatus[] = [];
  const api = {
    namespace: () => api,
    async patch(_name: string, patch: { status: V1PodStatus }) {
      patches.push(patch.status);
      await Promise.resolve();
      during.shift()?.();
      const metadata = { ...pod.metadata, resourceVersion: String(patches.length * 10) };
      return { ...pod, metadata, status: ready('True') };
    },
  };
  const statuses = new StatusManager({
    client: { resource: () => api } as unknown as Client,
    logger: {} as Logger,
    signal: new AbortController().signal,
    apiPod: () => pod,
  });
  return { statuses, patches };
}

const observe = (statuses: StatusManager, resourceVersion: string, status: string) =>
  statuses.observe(pod.metadata.uid, {
    ...pod,
    metadata: { ...pod.metadata, resourceVersion },
    status: ready(status),
  });

test('what others write while the status is being written is set right afterwards', async () => {
  const during: (() => void)[] = [];
  const { statuses, patches } = manager(during);
  // Newer than the first write's answer: the node controller took the pod for lost. Older ones are history.
  during.push(
    () => observe(statuses, '15', 'False'),
    () => observe(statuses, '15', 'False'),
  );
  statuses.set(pod, ready('True'));
  await statuses.flush();
  await statuses.flush();
  assert.deepEqual(
    patches.map((patch) => patch.conditions),
    [[{ type: 'Ready', status: 'True' }], [{ type: 'Ready', status: 'True' }]],
  );
});

test('a pod that goes while its status is being written is left alone', async () => {
  const during: (() => void)[] = [];
  const { statuses, patches } = manager(during);
  during.push(() => {
    observe(statuses, '15', 'False');
    statuses.remove(pod.metadata.uid);
  });
  statuses.set(pod, ready('True'));
  await statuses.flush();
  await new Promise(setImmediate);
  assert.equal(patches.length, 1);
});

test('a write that is refused since the pod is gone is tried once more for what was seen meanwhile, not without end', async () => {
  const during: (() => void)[] = [];
  const { statuses, patches } = manager(during);
  const refuse = () => {
    throw newNotFound({ group: '', resource: 'pods' }, pod.metadata.name);
  };
  during.push(
    () => {
      observe(statuses, '15', 'False');
      refuse();
    },
    ...Array.from({ length: 10 }, () => refuse),
  );
  statuses.set(pod, ready('True'));
  for (let round = 0; round < 10; round++) {
    await statuses.flush();
  }
  assert.equal(patches.length, 2);
});
