import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerInspectInfo } from 'dockerode';
import type { ContainerAction, ContainerEvent } from '../docker/events.js';
import { OomWatch } from './oom.js';

function watch() {
  let listener: (event: ContainerEvent) => void = () => assert.fail('nobody listens');
  const oom = new OomWatch({
    subscribe(added) {
      listener = added;
      return () => undefined;
    },
  });
  const tell = (action: ContainerAction, signal?: string) =>
    listener({ id: 'a', action, timeNano: '1', labels: {}, ...(signal ? { signal } : {}) });
  return { oom, tell };
}

const finished = Date.parse('2026-01-01T00:00:00Z');

function ended(state: Partial<ContainerInspectInfo['State']>, Memory = 1 << 20): ContainerInspectInfo {
  const State = { OOMKilled: false, ExitCode: 137, FinishedAt: new Date(finished).toISOString(), ...state };
  return { Id: 'a', State, HostConfig: { Memory } } as ContainerInspectInfo;
}

test('what was killed waits for the word that it ran out of memory', async () => {
  const { oom, tell } = watch();
  const answers = [oom.ranOut(ended({}), finished), oom.ranOut(ended({}), finished + 1)];
  tell('oom');
  assert.deepEqual(await Promise.all(answers), [true, true]);
  assert.equal(await oom.ranOut(ended({ ExitCode: 0 }), finished), true);
});

test('without the word it was something else', async () => {
  assert.equal(await watch().oom.ranOut(ended({}), finished + 490), false);
});

test('nothing is waited for when it is clear', { timeout: 400 }, async () => {
  const { oom, tell } = watch();
  assert.equal(await oom.ranOut(ended({ OOMKilled: true }), finished), true);
  assert.equal(await oom.ranOut(ended({ ExitCode: 1 }), finished), false);
  assert.equal(await oom.ranOut(ended({}, 0), finished), false);
  assert.equal(await oom.ranOut(ended({}), finished + 10_000), false);
  tell('kill', '9');
  assert.equal(await oom.ranOut(ended({}), finished), false);
});
