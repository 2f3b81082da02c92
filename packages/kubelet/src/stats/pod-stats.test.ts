import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CriError } from '@kubelab/cri';
import { type PodStatsSource, readPodStats } from './pod-stats.js';

/** A runtime whose list fails, and that knows nothing of the sandboxes in `gone`. */
function runtime(ids: string[], gone: string[], failure = new CriError('UNKNOWN', 'cgroup deleted')): PodStatsSource {
  return {
    listPodSandboxStats: () => Promise.reject(failure),
    listPodSandbox: async () => ({ items: ids.map((id) => ({ id })) }),
    async podSandboxStats({ pod_sandbox_id: id }: { pod_sandbox_id: string }) {
      if (gone.includes(id)) throw failure;
      return { stats: { attributes: { id } } };
    },
  } as unknown as PodStatsSource;
}

test('one sandbox without statistics does not hide the others', async () => {
  const stats = await readPodStats(runtime(['a', 'b', 'c'], ['b']));
  assert.deepEqual(
    stats.map((one) => one.attributes?.id),
    ['a', 'c'],
  );
});

test('a runtime that answers for none, or not at all, is an error', async () => {
  await assert.rejects(readPodStats(runtime(['a'], ['a'])), /cgroup deleted/);
  await assert.rejects(readPodStats(runtime([], [], new CriError('UNAVAILABLE', 'down'))), /down/);
});
