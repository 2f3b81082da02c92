import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Pod, V1PodStatus } from '../generated/types.js';
import { summarizePod } from './pod.js';

const NOW = Date.parse('2025-01-01T01:00:00Z');
const base = { imageID: '', image: 'i', restartCount: 0 };
const running = { running: { startedAt: '2025-01-01T00:00:00Z' } };
const exited = (exitCode: number, reason?: string) => ({ terminated: { exitCode, ...(reason ? { reason } : {}) } });

function pod(status: V1PodStatus, o: { init?: number; deleted?: boolean; containers?: number } = {}): V1Pod {
  const names = (prefix: string, n: number) =>
    Array.from({ length: n }, (_, i) => ({ name: `${prefix}${i}`, image: 'i' }));
  return {
    metadata: { name: 'p', ...(o.deleted ? { deletionTimestamp: '2025-01-01T00:59:00Z' } : {}) },
    spec: { containers: names('c', o.containers ?? 1), initContainers: names('i', o.init ?? 0) },
    status,
  };
}

const cases: [string, V1Pod, string, string, string][] = [
  ['pending', pod({ phase: 'Pending' }), '0/1', 'Pending', '0'],
  [
    'running',
    pod({ phase: 'Running', containerStatuses: [{ ...base, name: 'c0', ready: true, state: running }] }),
    '1/1',
    'Running',
    '0',
  ],
  [
    'crashing',
    pod({
      phase: 'Running',
      containerStatuses: [
        {
          ...base,
          name: 'c0',
          ready: false,
          restartCount: 3,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { exitCode: 1, finishedAt: '2025-01-01T00:57:00Z' } },
        },
      ],
    }),
    '0/1',
    'CrashLoopBackOff',
    '3 (3m ago)',
  ],
  [
    'waiting for its first init container',
    pod(
      { phase: 'Pending', initContainerStatuses: [{ ...base, name: 'i0', ready: false, state: running }] },
      { init: 2 },
    ),
    '0/1',
    'Init:0/2',
    '0',
  ],
  [
    'with a failed init container',
    pod(
      { phase: 'Pending', initContainerStatuses: [{ ...base, name: 'i0', ready: false, state: exited(2) }] },
      { init: 1 },
    ),
    '0/1',
    'Init:ExitCode:2',
    '0',
  ],
  [
    'completed',
    pod({
      phase: 'Succeeded',
      containerStatuses: [{ ...base, name: 'c0', ready: false, state: exited(0, 'Completed') }],
    }),
    '0/1',
    'Completed',
    '0',
  ],
  ['evicted', pod({ phase: 'Failed', reason: 'Evicted' }), '0/1', 'Evicted', '0'],
  [
    'going',
    pod(
      { phase: 'Running', containerStatuses: [{ ...base, name: 'c0', ready: true, state: running }] },
      { deleted: true },
    ),
    '1/1',
    'Terminating',
    '0',
  ],
];

describe('the summary of a pod', () => {
  for (const [name, object, ready, status, restarts] of cases) {
    it(name, () => assert.deepEqual(summarizePod(object, NOW), { ready, status, restarts }));
  }
});
