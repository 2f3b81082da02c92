import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1PodSpec, V1PodStatus } from '@kubelab/api';
import { resolveSchema, schemaFor } from '@kubelab/api';
import { applyStrategicMergePatch } from '@kubelab/apimachinery';
import type { PodRuntimeState } from '../runtime/types.js';
import { aContainer, aPod, aSandbox, aState } from '../testing/objects.js';
import { generateStatus, type StatusInput } from './generate.js';
import { statusPatch } from './patch.js';

const now = new Date('2024-01-02T03:04:05Z');

function status(spec: Partial<V1PodSpec>, state: PodRuntimeState, more: Partial<StatusInput> = {}): V1PodStatus {
  return generateStatus({
    pod: aPod(spec),
    state,
    previous: {},
    failures: new Map(),
    probes: { startup: () => undefined, readiness: () => undefined },
    hostIps: ['192.0.2.1'],
    runtimeName: 'docker',
    terminal: false,
    terminating: false,
    now,
    ...more,
  });
}

const ready = (result: V1PodStatus) => result.conditions?.find((condition) => condition.type === 'Ready')?.status;

describe('generateStatus', () => {
  const never = { restartPolicy: 'Never' };
  const failed = aContainer('c', 'exited', { exitCode: 1 });
  const init = { initContainers: [{ name: 'a', image: 'i' }] };
  const table: [string, Partial<V1PodSpec>, PodRuntimeState, Partial<StatusInput>, string, string][] = [
    ['nothing yet', {}, aState([], []), {}, 'Pending', 'False'],
    ['running', {}, aState([aContainer('c', 'running')]), {}, 'Running', 'True'],
    [
      'running, not probed yet',
      { containers: [{ name: 'c', image: 'i', readinessProbe: {} }] },
      aState([aContainer('c', 'running')]),
      {},
      'Running',
      'False',
    ],
    ['init runs', init, aState([aContainer('a', 'running')]), {}, 'Pending', 'False'],
    [
      'init failed for good',
      { ...never, ...init },
      aState([aContainer('a', 'exited', { exitCode: 1 })]),
      {},
      'Failed',
      'False',
    ],
    ['done', never, aState([aContainer('c', 'exited')]), {}, 'Succeeded', 'False'],
    ['failed', never, aState([failed]), {}, 'Failed', 'False'],
    ['failed, to be restarted', {}, aState([failed]), {}, 'Running', 'False'],
    [
      'one of two is done',
      {
        ...never,
        containers: [
          { name: 'c', image: 'i' },
          { name: 'd', image: 'i' },
        ],
      },
      aState([aContainer('c', 'exited'), aContainer('d', 'running')]),
      {},
      'Running',
      'False',
    ],
    [
      'deleted after a clean end',
      {},
      aState([aContainer('c', 'exited')]),
      { terminal: true, terminating: true },
      'Succeeded',
      'False',
    ],
    ['deleted before it ran', {}, aState([], []), { terminal: true, terminating: true }, 'Failed', 'False'],
    [
      'evicted while it still runs',
      {},
      aState([aContainer('c', 'running')]),
      { terminating: true, override: { phase: 'Failed', reason: 'Evicted', message: 'm' } },
      'Failed',
      'False',
    ],
    [
      'once over, always over',
      {},
      aState([aContainer('c', 'running')]),
      { previous: { phase: 'Failed' } },
      'Failed',
      'False',
    ],
  ];
  for (const [what, spec, state, more, phase, isReady] of table) {
    it(what, () => {
      const result = status(spec, state, more);
      assert.equal(result.phase, phase);
      assert.equal(ready(result), isReady);
    });
  }

  it('shows why a container waits, and its last end', () => {
    const failures = new Map([['c', { reason: 'CrashLoopBackOff', message: 'back-off' }]]);
    const result = status({}, aState([failed]), { failures });
    const [container] = result.containerStatuses ?? [];
    assert.deepEqual(container?.state, { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } });
    assert.equal(container?.lastState?.terminated?.exitCode, 1);
    assert.equal(container?.lastState?.terminated?.reason, 'Error');
  });

  it('waits as PodInitializing behind init containers', () => {
    const result = status(init, aState([aContainer('a', 'running')]));
    assert.equal(result.containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing');
    assert.equal(result.initContainerStatuses?.[0]?.started, true);
    const initialized = result.conditions?.find((condition) => condition.type === 'Initialized');
    assert.equal(initialized?.reason, 'ContainersNotInitialized');
    assert.equal(initialized?.message, 'containers with incomplete status: [a]');
  });

  it('keeps transition times and foreign conditions', () => {
    const previous: V1PodStatus = {
      conditions: [
        { type: 'Ready', status: 'True', lastTransitionTime: 'before' },
        { type: 'example.com/gate', status: 'True' },
      ],
    };
    const gated = { readinessGates: [{ conditionType: 'example.com/gate' }] };
    const result = status(gated, aState([aContainer('c', 'running')]), { previous });
    assert.equal(result.conditions?.find((condition) => condition.type === 'Ready')?.lastTransitionTime, 'before');
    assert.ok(result.conditions?.some((condition) => condition.type === 'example.com/gate'));
    const missing = status(gated, aState([aContainer('c', 'running')]));
    assert.equal(ready(missing), 'False');
  });

  it('gives host-network pods the node’s addresses', () => {
    const result = status({ hostNetwork: true }, aState([], [aSandbox({ hostNetwork: true, ips: [] })]));
    assert.deepEqual(result.podIPs, [{ ip: '192.0.2.1' }]);
  });

  it('loses a running container’s place in the runtime', () => {
    const previous = status({}, aState([aContainer('c', 'running')]));
    const result = status({}, aState([]), { previous });
    assert.equal(result.containerStatuses?.[0]?.lastState?.terminated?.reason, 'ContainerStatusUnknown');
    assert.equal(result.containerStatuses?.[0]?.restartCount, 1);
  });
});

describe('statusPatch', () => {
  const schema = schemaFor('', 'v1', 'Pod');
  const apply = (from: V1PodStatus, to: V1PodStatus) => {
    const patch = statusPatch(from, to, 'u1');
    assert.ok(schema);
    if (!patch) return from;
    return applyStrategicMergePatch({ metadata: { uid: 'u1' }, status: from }, patch, schema, resolveSchema).status;
  };
  const pending = status({}, aState([], []));
  const running = status({}, aState([aContainer('c', 'running')]));
  const moved = status({}, aState([aContainer('c', 'running')], [aSandbox({ ips: ['10.0.0.9'] })]));

  it('leaves the conditions of others alone, however old what is known of them', () => {
    const gate = (value: string) => ({ type: 'example.com/gate', status: value });
    const known = { ...running, conditions: [...(running.conditions ?? []), gate('True')] };
    const written = { ...running, conditions: [...(running.conditions ?? []), gate('False')] };
    assert.equal(statusPatch(written, known, 'u'), undefined);
    const evicted = status({}, aState([]), {
      override: { phase: 'Failed', reason: 'Evicted', message: 'm', disruption: true },
    });
    const { status: patch } = statusPatch(written, evicted, 'u') as { status: V1PodStatus };
    const types = patch.conditions?.map((condition) => `${condition.type}=${condition.reason ?? ''}`);
    assert.ok(types?.includes('DisruptionTarget=TerminationByKubelet'));
    assert.ok(!types?.some((type) => type.startsWith('example.com')));
  });

  it('is nothing when nothing changed', () => assert.equal(statusPatch(running, running, 'u'), undefined));
  for (const [what, from, to] of [
    ['starts', pending, running],
    ['moves', running, moved],
    ['goes back', running, pending],
  ] as const) {
    it(`gives exactly the new status when a pod ${what}`, () => {
      const result = apply(from, to) as V1PodStatus;
      assert.deepEqual(result.podIPs ?? [], to.podIPs ?? []);
      assert.deepEqual(result.containerStatuses, to.containerStatuses);
      const byType = (list: V1PodStatus['conditions']) =>
        [...(list ?? [])].sort((a, b) => a.type.localeCompare(b.type));
      const clean = (list: V1PodStatus['conditions']) => JSON.parse(JSON.stringify(byType(list)));
      assert.deepEqual(clean(result.conditions), clean(to.conditions));
    });
  }
});
