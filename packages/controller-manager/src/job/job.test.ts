import assert from 'node:assert/strict';
import test from 'node:test';
import type { V1JobSpec } from '@kubelab/api';
import type { Job, Pod } from '../framework/kinds.js';
import { creationDelayMs } from './backoff.js';
import { decide } from './decide.js';
import { judgeFailure } from './failure-policy.js';
import { completionIndexKey, formatIndexes, parseIndexes, pendingIndexes } from './indexes.js';
import { planPods } from './manage.js';
import { trackingFinalizer } from './pod.js';
import { ReleasedPods } from './released-pods.js';
import { matchSuccessPolicy } from './success-policy.js';
import { failedCount, noteFinished, readTally, settle, succeededCount } from './tracking.js';

const nowMs = Date.parse('2026-01-01T01:00:00Z');

function job(spec: Partial<V1JobSpec>, status: Job['status'] = {}): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'j', namespace: 'ns', uid: 'j', resourceVersion: '1', creationTimestamp: '' },
    spec: { template: {}, ...spec },
    status,
  };
}

function pod(
  uid: string,
  phase: string,
  extra: {
    index?: number;
    exitCode?: number;
    condition?: string;
    tracked?: boolean;
    deleted?: boolean;
    created?: string;
  } = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: uid,
      namespace: 'ns',
      uid,
      resourceVersion: '1',
      creationTimestamp: extra.created ?? '2026-01-01T00:00:00Z',
      finalizers: extra.tracked === false ? [] : [trackingFinalizer],
      annotations: extra.index === undefined ? {} : { [completionIndexKey]: String(extra.index) },
      deletionTimestamp: extra.deleted ? '2026-01-01T00:30:00Z' : undefined,
    },
    spec: { containers: [] },
    status: {
      phase,
      conditions: extra.condition ? [{ type: extra.condition, status: 'True' }] : [],
      containerStatuses:
        extra.exitCode === undefined
          ? []
          : [
              {
                name: 'main',
                image: '',
                imageID: '',
                ready: false,
                restartCount: 0,
                state: { terminated: { exitCode: extra.exitCode, finishedAt: '2026-01-01T00:59:55Z' } },
              },
            ],
    },
  };
}

test('indexes as text', () => {
  const cases: [string, number[]][] = [
    ['', []],
    ['0', [0]],
    ['1,3-5,7', [1, 3, 4, 5, 7]],
    ['0,1', [0, 1]],
    ['0-2', [0, 1, 2]],
  ];
  for (const [text, list] of cases) {
    assert.equal(formatIndexes(new Set(list)), text);
    assert.deepEqual([...parseIndexes(text, 100)], list);
  }
  assert.deepEqual([...parseIndexes('1-9', 3)], [1, 2]);
  assert.deepEqual(pendingIndexes(5, new Set([0, 2]), 2), [1, 3]);
});

test('pod failure policy: the first matching rule decides', () => {
  const spec: Partial<V1JobSpec> = {
    podFailurePolicy: {
      rules: [
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        { action: 'FailJob', onExitCodes: { containerName: 'main', operator: 'In', values: [42] } },
        { action: 'FailIndex', onExitCodes: { operator: 'NotIn', values: [1] } },
      ],
    },
  };
  const cases: [string, Pod, string][] = [
    ['condition', pod('p', 'Failed', { condition: 'DisruptionTarget', exitCode: 42 }), 'Ignore'],
    ['exit code', pod('p', 'Failed', { exitCode: 42 }), 'FailJob'],
    ['exit code not in', pod('p', 'Failed', { exitCode: 2 }), 'FailIndex'],
    ['none', pod('p', 'Failed', { exitCode: 1 }), 'Count'],
  ];
  for (const [name, failed, action] of cases) assert.equal(judgeFailure(job(spec), failed).action, action, name);
  assert.equal(
    judgeFailure(job(spec), pod('p', 'Failed', { exitCode: 42 })).message,
    'Container main for pod ns/p failed with exit code 42 matching FailJob rule at index 1',
  );
});

test('success policy', () => {
  const done = new Set([0, 2, 3]);
  assert.equal(
    matchSuccessPolicy({ rules: [{ succeededIndexes: '0-1' }, { succeededCount: 3 }] }, 5, done),
    'Matched rules at index 1',
  );
  assert.equal(
    matchSuccessPolicy({ rules: [{ succeededIndexes: '0-3', succeededCount: 2 }] }, 5, done),
    'Matched rules at index 0',
  );
  assert.equal(matchSuccessPolicy({ rules: [{ succeededIndexes: '1' }] }, 5, done), undefined);
});

test('how a job is decided', () => {
  const counts = {
    active: 0,
    succeeded: 0,
    failed: 0,
    succeededIndexes: new Set<number>(),
    failedIndexes: new Set<number>(),
  };
  const at = { startTime: '2026-01-01T00:00:00Z' };
  const cases: [string, Job, Partial<typeof counts>, string | undefined][] = [
    ['nothing yet', job({ completions: 1 }), {}, undefined],
    ['all done', job({ completions: 2 }), { succeeded: 2 }, 'CompletionsReached'],
    ['done but one runs', job({ completions: 2 }), { succeeded: 2, active: 1 }, undefined],
    ['work queue', job({}), { succeeded: 1 }, 'CompletionsReached'],
    ['too many failures', job({ completions: 1, backoffLimit: 2 }), { failed: 3 }, 'BackoffLimitExceeded'],
    ['just as many as allowed', job({ completions: 1, backoffLimit: 2 }), { failed: 2 }, undefined],
    ['deadline', job({ completions: 1, activeDeadlineSeconds: 60 }, at), {}, 'DeadlineExceeded'],
    [
      'failed index',
      job({ completions: 2, completionMode: 'Indexed', backoffLimitPerIndex: 0, backoffLimit: 99 }),
      { succeededIndexes: new Set([0]), failedIndexes: new Set([1]), succeeded: 1 },
      'FailedIndexes',
    ],
    [
      'too many failed indexes',
      job({
        completions: 9,
        completionMode: 'Indexed',
        backoffLimitPerIndex: 0,
        maxFailedIndexes: 1,
        backoffLimit: 99,
      }),
      { failedIndexes: new Set([1, 2]) },
      'MaxFailedIndexesExceeded',
    ],
  ];
  for (const [name, subject, change, reason] of cases) {
    assert.equal(decide(subject, { ...counts, ...change }, [], [], nowMs)?.reason, reason, name);
  }
});

test('a finished pod is counted once: noted, then settled when its finalizer is gone', () => {
  const subject = job({ completions: 3 });
  const tally = readTally(subject);
  const pods = [pod('a', 'Succeeded'), pod('b', 'Failed'), pod('c', 'Running'), pod('d', 'Running', { deleted: true })];
  const release = noteFinished(subject, tally, pods);
  assert.deepEqual(
    release.map(({ metadata }) => metadata.uid),
    ['a', 'b', 'd'],
  );
  assert.deepEqual([succeededCount(subject, tally), failedCount(tally)], [1, 2]);
  noteFinished(subject, tally, pods);
  settle(tally, pods, new Set(['a', 'b']));
  assert.deepEqual([tally.succeeded, tally.failed, tally.uncountedFailed.size], [1, 1, 1]);
  settle(tally, pods, new Set());
  assert.deepEqual([succeededCount(subject, tally), failedCount(tally)], [1, 2]);
});

test('a pod whose finalizer was removed is not counted again while the cache still shows it', () => {
  const released = new ReleasedPods();
  const cached = pod('a', 'Succeeded');
  const counted = job({ completions: 2 }, { succeeded: 1 });
  released.add('a');
  const tally = readTally(counted);
  assert.deepEqual(noteFinished(counted, tally, [released.current(cached)]), []);
  assert.equal(succeededCount(counted, tally), 1);
  released.observe(cached);
  assert.deepEqual(released.current(cached).metadata.finalizers, [], 'an event of before the removal');
  const now = pod('a', 'Succeeded', { tracked: false });
  released.observe(now);
  assert.equal(released.current(now), now);
  // Nothing is held on to: another pod, or one that could not be released, is what the cache says.
  assert.equal(released.current(cached), cached);
  released.add('a');
  released.forget('a');
  assert.equal(released.current(cached), cached);
});

test('podReplacementPolicy Failed waits for the end of a terminating pod', () => {
  const subject = job({ completions: 1, podReplacementPolicy: 'Failed' });
  const deleted = pod('a', 'Running', { deleted: true });
  assert.deepEqual(noteFinished(subject, readTally(subject), [deleted]), []);
  assert.equal(planPods(subject, [], [deleted], readTally(subject), 0, nowMs).create, 0);
  assert.equal(planPods(job({ completions: 1 }), [], [deleted], readTally(subject), 0, nowMs).create, 1);
});

test('how many pods a job wants', () => {
  const running = (n: number): Pod[] => Array.from({ length: n }, (_, i) => pod(`r${i}`, 'Running'));
  const cases: [string, Partial<V1JobSpec>, number, number, number, number][] = [
    // spec, active, succeeded, create, delete
    ['start', { completions: 5, parallelism: 2 }, 0, 0, 2, 0],
    ['the last one', { completions: 5, parallelism: 2 }, 0, 4, 1, 0],
    ['parallelism lowered', { completions: 5, parallelism: 1 }, 3, 0, 0, 2],
    ['suspended', { completions: 5, parallelism: 2, suspend: true }, 2, 0, 0, 2],
    ['queue empty', { parallelism: 3 }, 1, 1, 0, 0],
  ];
  for (const [name, spec, active, succeeded, create, remove] of cases) {
    const subject = job(spec);
    const plan = planPods(subject, running(active), [], readTally(subject), succeeded, nowMs);
    assert.deepEqual([plan.create, plan.delete.length], [create, remove], name);
  }
  const indexed = job({ completions: 3, parallelism: 3, completionMode: 'Indexed' }, { completedIndexes: '1' });
  const plan = planPods(
    indexed,
    [pod('r', 'Running', { index: 0 }), pod('s', 'Running', { index: 0, created: '2026-01-01T00:10:00Z' })],
    [],
    readTally(indexed),
    1,
    nowMs,
  );
  assert.deepEqual(
    plan.delete.map(({ metadata }) => metadata.uid),
    ['s'],
  );
});

test('failures are spaced out', () => {
  const failed = (p: Pod): boolean => p.status?.phase === 'Failed';
  assert.equal(creationDelayMs([], failed, nowMs), 0);
  assert.equal(creationDelayMs([pod('a', 'Failed', { exitCode: 1 })], failed, nowMs), 5000);
  assert.equal(
    creationDelayMs([pod('a', 'Failed', { exitCode: 1 }), pod('b', 'Failed', { exitCode: 1 })], failed, nowMs),
    15000,
  );
});
