import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ContainerInspectInfo } from 'dockerode';
import type { ContainerAction, ContainerEvent } from '../docker/events.js';
import { OomWatch } from './oom.js';
import { OomKills } from './oom-kills.js';
import { OomMarks } from './oom-marks.js';

const dir = mkdtempSync(join(tmpdir(), 'kubelab-oom-'));
after(() => rmSync(dir, { recursive: true }));

function watch(kills?: OomKills) {
  let listener: (event: ContainerEvent) => void = () => assert.fail('nobody listens');
  const events = {
    subscribe(added: (event: ContainerEvent) => void) {
      listener = added;
      return () => undefined;
    },
  };
  const oom = new OomWatch(events, new OomMarks(dir), kills);
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
  assert.equal(await watch().oom.ranOut(ended({}), finished + 1_990), false);
});

test('nothing is waited for when it is clear', async () => {
  const { oom, tell } = watch();
  /** The answer, if it is there before the event loop goes on. */
  const atOnce = (...args: Parameters<typeof oom.ranOut>) =>
    Promise.race([oom.ranOut(...args), new Promise((resolve) => setImmediate(resolve, 'it waits'))]);
  assert.equal(await atOnce(ended({ OOMKilled: true }), finished), true);
  assert.equal(await atOnce(ended({ ExitCode: 1 }), finished), false);
  assert.equal(await atOnce(ended({}, 0), finished), false);
  assert.equal(await atOnce(ended({}), finished + 10_000), false);
  assert.equal(await atOnce(ended({}), finished + 1_000), 'it waits');
  tell('kill', '9');
  assert.equal(await atOnce(ended({}), finished), false);
});

test('with cgroup v2 the pod’s count tells what Docker does not, also after a restart', async () => {
  const pod = 'kubepods.slice/kubepods-pod1.slice';
  mkdirSync(join(dir, pod), { recursive: true });
  const count = (kills: number) => writeFileSync(join(dir, pod, 'memory.events'), `max 3\noom 1\noom_kill ${kills}\n`);
  count(2);
  const { oom, tell } = watch(new OomKills(dir));
  oom.watch('a', 'kubepods-pod1.slice');
  oom.watch('b', `/${pod}`);
  const late = finished + 10_000;
  assert.equal(await oom.ranOut(ended({}, 0), late), false, 'as many as before');
  count(4);
  assert.equal(await oom.ranOut(ended({ ExitCode: 1 }, 0), late), false, 'it ended by itself');
  assert.equal(await oom.ranOut(ended({}, 0), late), true);
  const other = { ...ended({}, 0), Id: 'b' };
  assert.equal(await oom.ranOut(other, late), false, 'the count has explained one end');
  const restarted = watch();
  restarted.oom.keepOnly(['a']);
  assert.equal(await restarted.oom.ranOut(ended({}, 0), late), true);
  restarted.oom.keepOnly([]);
  assert.equal(await restarted.oom.ranOut(ended({}, 0), late), false);
  tell('destroy');
});
