import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogFollower } from './follower.js';

const entry = (text: string) =>
  `${JSON.stringify({ log: `${text}\n`, stream: 'stdout', time: '2026-01-01T00:00:00.000000001Z' })}\n`;

test('what a crash left of the first batch is not written twice', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'follower-test-'));
  try {
    const source = join(dir, 'source', 'a-json.log');
    const target = join(dir, 'logs', 'a.log');
    const follower = () =>
      new LogFollower({
        source,
        maxSourceFiles: 1,
        target,
        checkpoint: join(dir, 'checkpoint'),
        onError: (error) => assert.fail(String(error)),
        onGap: () => assert.fail('nothing was rotated away'),
      });
    await mkdir(join(dir, 'source'));
    const first = follower();
    await first.start();
    await first.close();
    // The shim has written the first batch and is killed before it notes that.
    await writeFile(source, entry('one') + entry('two'));
    await appendFile(target, '2026-01-01T00:00:00.000000001Z stdout F one\n');
    const second = follower();
    await second.start();
    await second.drain();
    await second.close();
    const lines = (await readFile(target, 'utf8')).trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => line.split(' ').at(-1)),
      ['one', 'two'],
    );
  } finally {
    await rm(dir, { recursive: true });
  }
});
