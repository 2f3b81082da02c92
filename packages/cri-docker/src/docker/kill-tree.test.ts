import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { killTree } from './kill-tree.js';

/** Processes whose command line holds a text. */
function named(text: string): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}

test('no descendant is left, however fast they are made', async () => {
  // A shell that forks without end, each child with a child of its own; the number tells these from all others.
  const mark = `7${process.pid}.25`;
  const script = `echo ready; i=0; while [ $i -lt 200 ]; do (sleep ${mark}; :) & i=$((i+1)); done; wait`;
  const shell = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(shell.stdout, 'data');
  const ended = once(shell, 'exit');
  await killTree(shell.pid ?? 0);
  assert.deepEqual(await ended, [null, 'SIGKILL']);
  // One that got away would sleep for days; one that was killed has ended, but for one that the kernel holds up.
  const deadline = Date.now() + 60_000;
  while (named(`sleep\0${mark}`).length > 0 && Date.now() < deadline) await delay(20);
  assert.deepEqual(named(`sleep\0${mark}`), []);
});

test('a process that is gone needs nothing', async () => {
  const done = spawn('true');
  await once(done, 'exit');
  await killTree(done.pid ?? 0);
});
