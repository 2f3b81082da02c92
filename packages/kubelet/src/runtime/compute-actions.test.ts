import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Container, V1PodSpec } from '@kubelab/api';
import { aContainer, aPod, aSandbox, aState } from '../testing/objects.js';
import { computeActions, type ProbeResult } from './compute-actions.js';
import type { PodRuntimeState } from './types.js';

interface Case {
  what: string;
  spec?: Partial<V1PodSpec>;
  metadata?: object;
  state: PodRuntimeState;
  liveness?: ProbeResult;
  startup?: ProbeResult;
  want: {
    kill?: boolean;
    create?: boolean;
    attempt?: number;
    init?: string[];
    start?: string[];
    stop?: string[];
    ephemeral?: string[];
  };
}

const c = (name: string, more: Partial<V1Container> = {}): V1Container => ({ name, image: 'i', ...more });
const side = (name: string) => c(name, { restartPolicy: 'Always' });
const inits = (...initContainers: V1Container[]) => ({ initContainers });

const cases: Case[] = [
  { what: 'a new pod', state: aState([], []), want: { kill: true, create: true, attempt: 0, start: ['c'] } },
  {
    what: 'a new pod with init containers',
    spec: inits(c('a'), c('b')),
    state: aState([], []),
    want: { kill: true, create: true, init: ['a'] },
  },
  { what: 'all is well', state: aState([aContainer('c', 'running')]), want: {} },
  {
    what: 'a sandbox that died',
    state: aState([aContainer('c', 'exited')], [aSandbox({ ready: false })]),
    want: { kill: true, create: true, attempt: 1, start: ['c'] },
  },
  {
    what: 'a sandbox without address',
    state: aState([], [aSandbox({ ips: [] })]),
    want: { kill: true, create: true, attempt: 1, start: ['c'] },
  },
  {
    what: 'a dead sandbox of a pod that must not run again',
    spec: { restartPolicy: 'Never' },
    state: aState([aContainer('c', 'exited')], [aSandbox({ ready: false })]),
    want: { kill: true },
  },
  { what: 'an end by policy Always', state: aState([aContainer('c', 'exited')]), want: { start: ['c'] } },
  {
    what: 'success by policy OnFailure',
    spec: { restartPolicy: 'OnFailure' },
    state: aState([aContainer('c', 'exited')]),
    want: { kill: true },
  },
  {
    what: 'failure by policy OnFailure',
    spec: { restartPolicy: 'OnFailure' },
    state: aState([aContainer('c', 'exited', { exitCode: 1 })]),
    want: { start: ['c'] },
  },
  {
    what: 'failure by policy Never',
    spec: { restartPolicy: 'Never' },
    state: aState([aContainer('c', 'exited', { exitCode: 1 })]),
    want: { kill: true },
  },
  { what: 'a container that was created only', state: aState([aContainer('c', 'created')]), want: { start: ['c'] } },
  {
    what: 'a changed image',
    state: aState([aContainer('c', 'running', { hash: 'other' })]),
    want: { start: ['c'], stop: ['c'] },
  },
  {
    what: 'a failed liveness probe',
    state: aState([aContainer('c', 'running')]),
    liveness: 'failure',
    want: { start: ['c'], stop: ['c'] },
  },
  {
    what: 'a failed liveness probe by policy Never',
    spec: { restartPolicy: 'Never' },
    state: aState([aContainer('c', 'running')]),
    liveness: 'failure',
    want: { kill: true, stop: ['c'] },
  },
  {
    what: 'the first init container runs',
    spec: inits(c('a'), c('b')),
    state: aState([aContainer('a', 'running')]),
    want: {},
  },
  {
    what: 'the first init container is done',
    spec: inits(c('a'), c('b')),
    state: aState([aContainer('a', 'exited')]),
    want: { init: ['b'] },
  },
  {
    what: 'a failed init container',
    spec: inits(c('a')),
    state: aState([aContainer('a', 'exited', { exitCode: 1 })]),
    want: { init: ['a'] },
  },
  {
    what: 'a failed init container by policy Never',
    spec: { restartPolicy: 'Never', ...inits(c('a')) },
    state: aState([aContainer('a', 'exited', { exitCode: 1 })]),
    want: { kill: true },
  },
  {
    what: 'all init containers are done',
    spec: inits(c('a')),
    state: aState([aContainer('a', 'exited')]),
    want: { start: ['c'] },
  },
  { what: 'init containers removed since', spec: inits(c('a')), state: aState([aContainer('c', 'running')]), want: {} },
  {
    what: 'a sidecar has started',
    spec: inits(side('s'), c('a')),
    state: aState([aContainer('s', 'running')]),
    want: { init: ['a'] },
  },
  {
    what: 'a sidecar waits for its startup probe',
    spec: inits(c('s', { restartPolicy: 'Always', startupProbe: {} }), c('a')),
    state: aState([aContainer('s', 'running')]),
    want: {},
  },
  {
    what: 'the last sidecar has started',
    spec: inits(side('s')),
    state: aState([aContainer('s', 'running')]),
    want: { start: ['c'] },
  },
  {
    what: 'a sidecar died while an init container runs',
    spec: inits(side('s'), c('a')),
    state: aState([aContainer('s', 'exited'), aContainer('a', 'running')]),
    want: { init: ['s'] },
  },
  {
    what: 'a sidecar died while the pod runs',
    spec: inits(side('s')),
    state: aState([aContainer('s', 'exited'), aContainer('c', 'running')]),
    want: { init: ['s'] },
  },
  {
    what: 'only the sidecar is left',
    spec: { restartPolicy: 'Never', ...inits(side('s')) },
    state: aState([aContainer('s', 'running'), aContainer('c', 'exited')]),
    want: { kill: true },
  },
  {
    what: 'an ephemeral container',
    spec: { ephemeralContainers: [{ name: 'e', image: 'i' }] },
    state: aState([aContainer('c', 'running')]),
    want: { ephemeral: ['e'] },
  },
  {
    what: 'a pod being deleted',
    metadata: { deletionTimestamp: 'now' },
    state: aState([aContainer('c', 'exited')]),
    want: { kill: true },
  },
];

describe('computeActions', () => {
  for (const { what, spec, metadata, state, want, liveness, startup } of cases) {
    it(what, () => {
      const actions = computeActions({
        pod: aPod(spec, metadata),
        state,
        liveness: () => liveness,
        startup: () => startup,
      });
      const names = (list: V1Container[]) => list.map((container) => container.name);
      assert.deepEqual(
        {
          kill: actions.killPod,
          create: actions.createSandbox,
          init: names(actions.initToStart),
          start: names(actions.containersToStart),
          stop: actions.containersToKill.map((entry) => entry.name),
          ephemeral: names(actions.ephemeralToStart),
        },
        { kill: false, create: false, init: [], start: [], stop: [], ephemeral: [], ...without(want, 'attempt') },
      );
      if (want.attempt !== undefined) assert.equal(actions.attempt, want.attempt);
    });
  }
});

function without(object: object, key: string): object {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}
