import assert from 'node:assert/strict';
import { Duplex, PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ResizeQueue } from '@kubelab/streaming';
import { joinCommand } from './command.js';

/** Docker's connection: what is written to it, and its end when told. */
function connection() {
  const written: string[] = [];
  const stream = new Duplex({
    read: () => undefined,
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      done();
    },
    final(done) {
      written.push('(end)');
      stream.push(null);
      done();
    },
  });
  return { stream, written };
}

test('what is typed waits for the change of size before it', async () => {
  const { stream, written } = connection();
  const stdin = new PassThrough();
  const resizes = new ResizeQueue();
  const made: (() => void)[] = [];
  const joined = joinCommand(
    stream,
    { stdin, stdout: new PassThrough(), tty: true, resizes, signal: new AbortController().signal },
    () => new Promise<void>((resolve) => made.push(resolve)),
  );
  stdin.write('a');
  while (written.length === 0) await turn();
  resizes.push({ width: 80, height: 24 });
  stdin.end('b');
  while (made.length === 0) await turn();
  // Turns enough for what would not wait.
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.deepEqual(written, ['a']);
  made[0]?.();
  await joined;
  assert.deepEqual(written, ['a', 'b', '(end)']);
});

test('a size is tried again while Docker does not know the terminal; without one none is set', async () => {
  for (const tty of [true, false]) {
    const { stream, written } = connection();
    const stdin = new PassThrough();
    const resizes = new ResizeQueue();
    let attempts = 0;
    const joined = joinCommand(
      stream,
      { stdin, stdout: new PassThrough(), tty, resizes, signal: new AbortController().signal },
      async () => {
        if (++attempts < 3) throw new Error('not yet');
      },
    );
    resizes.push({ width: 80, height: 24 });
    stdin.end('x');
    await joined;
    assert.equal(attempts, tty ? 3 : 0);
    assert.deepEqual(written, ['x', '(end)']);
  }
});
