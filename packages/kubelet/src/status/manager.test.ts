import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1PodStatus } from '@kubelab/api';
import type { Client } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import { aPod } from '../testing/objects.js';
import { StatusManager } from './manager.js';

const ready = (status: string): V1PodStatus => ({ phase: 'Running', conditions: [{ type: 'Ready', status }] });

test('what others write while the status is being written is set right afterwards', async () => {
  const pod = { ...aPod(), metadata: { ...aPod().metadata, resourceVersion: '1' } };
  const patches: V1PodStatus[] = [];
  const during: (() => void)[] = [];
  const api = {
    namespace: () => api,
    async patch(_name: string, patch: { status: V1PodStatus }) {
      patches.push(patch.status);
      await Promise.resolve();
      during.shift()?.();
      return {
        ...pod,
        metadata: { ...pod.metadata, resourceVersion: String(patches.length * 10) },
        status: ready('True'),
      };
    },
  };
  const statuses = new StatusManager({
    client: { resource: () => api } as unknown as Client,
    logger: {} as Logger,
    signal: new AbortController().signal,
    apiPod: () => pod,
  });
  const observed = (resourceVersion: string, status: string) =>
    statuses.observe(pod.metadata.uid, {
      ...pod,
      metadata: { ...pod.metadata, resourceVersion },
      status: ready(status),
    });
  // Newer than the first write's answer: the node controller took the pod for lost. Older ones are history.
  during.push(
    () => observed('15', 'False'),
    () => observed('15', 'False'),
  );
  statuses.set(pod, ready('True'));
  await statuses.flush();
  await statuses.flush();
  assert.deepEqual(
    patches.map((patch) => patch.conditions),
    [[{ type: 'Ready', status: 'True' }], [{ type: 'Ready', status: 'True' }]],
  );
});
