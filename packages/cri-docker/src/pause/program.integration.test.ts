import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pauseProgram } from './program.js';
import { tarOf } from './tar.js';

test('the program waits, and ends with 0 at SIGTERM', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-pause-'));
  const file = join(dir, 'pause');
  writeFileSync(file, pauseProgram(process.arch), { mode: 0o755 });
  const child = spawn(file);
  await once(child, 'spawn');
  // It waits for its signals once it sleeps with SIGCHLD ignored.
  const ready = () => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const ignored = BigInt(`0x${/SigIgn:\s*(\w+)/.exec(status)?.[1] ?? '0'}`);
    return /State:\s*S/.test(status) && (ignored & 0x10000n) !== 0n;
  };
  while (!ready()) await new Promise((resolve) => setImmediate(resolve));
  child.kill('SIGTERM');
  const [code, signal] = await once(child, 'exit');
  assert.deepEqual([code, signal], [0, null]);
  rmSync(dir, { recursive: true });
});

test('tar reads the archive', () => {
  const archive = tarOf('pause', Buffer.from('content'));
  const listed = spawnSync('tar', ['-tv'], { input: archive, encoding: 'utf8' });
  assert.match(listed.stdout, /-rwxr-xr-x 0\/0 +7 .* pause/);
});

test('machines without a program are named', () => {
  assert.throws(() => pauseProgram('mips'), /--pod-infra-container-image/);
  assert.equal(pauseProgram('arm64').readUInt16LE(18), 183);
});
