import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';

/**
 * A process that is told to end once it runs, and whose stop takes `takesMs`, by a clock of its own.
 * @param setting a member of the component, as source
 */
function stopping(takesMs: number, setting = ''): Promise<{ code: number; log: string }> {
  const source = `
    import { mock } from 'node:test';
    import { runComponent } from ${JSON.stringify(new URL('./index.js', import.meta.url).href)};
    mock.timers.enable({ apis: ['setTimeout'] });
    await runComponent({
      name: 'test', description: '', options: {}, ${setting}
      async start() {
        // Something to live for until the signal comes.
        process.stdin.resume();
        process.kill(process.pid, 'SIGTERM');
        return { async stop() { mock.timers.tick(${takesMs}); } };
      },
    });`;
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', source], (error, _out, log) =>
      resolve({ code: error ? Number(error.code) : 0, log }),
    );
  });
}

const tooLong = /Stop took too long/;

test('a process that takes too long to stop is ended, after 25 s by default', async () => {
  const inTime = await stopping(24_999);
  assert.equal(inTime.code, 0, inTime.log);
  assert.doesNotMatch(inTime.log, tooLong);
  const late = await stopping(25_000);
  assert.equal(late.code, 1, late.log);
  assert.match(late.log, tooLong);
});

test('a component says how long its stop may take, or that others bound it', async () => {
  const late = await stopping(1000, 'stopTimeoutMs: 1000,');
  assert.equal(late.code, 1, late.log);
  assert.match(late.log, tooLong);
  const unbound = await stopping(86_400_000, 'stopTimeoutMs: Infinity,');
  assert.equal(unbound.code, 0, unbound.log);
});
