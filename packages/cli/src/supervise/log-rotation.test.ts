import assert from 'node:assert/strict';
import { appendFileSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, test } from 'node:test';
import { rotateLog } from './log-rotation.js';

const dir = mkdtempSync(`${tmpdir()}/kubelab-rotation-`);
after(() => rmSync(dir, { recursive: true }));

test('a log that is long enough is moved aside, so many are kept, and its writer goes on', () => {
  const file = `${dir}/a.log`;
  const limits = { maxBytes: 10, maxFiles: 3 };
  const writer = openSync(file, 'a');
  try {
    writeSync(writer, 'short');
    assert.equal(rotateLog(file, limits), false);
    for (const round of ['first', 'second', 'third']) {
      writeSync(writer, ` and ${round}\n`);
      assert.equal(rotateLog(file, limits), true);
    }
    writeSync(writer, 'last\n');
  } finally {
    closeSync(writer);
  }
  assert.equal(readFileSync(file, 'utf8'), 'last\n');
  assert.equal(readFileSync(`${file}.1`, 'utf8'), ' and third\n');
  assert.equal(readFileSync(`${file}.2`, 'utf8'), ' and second\n');
  assert.equal(existsSync(`${file}.3`), false);
});

test('a log that is not there is no error', () => {
  assert.equal(rotateLog(`${dir}/none.log`), false);
  appendFileSync(`${dir}/b.log`, 'x');
  assert.equal(rotateLog(`${dir}/b.log`), false);
});
