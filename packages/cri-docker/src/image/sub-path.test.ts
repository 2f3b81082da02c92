import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathBelow } from './sub-path.js';

const root = mkdtempSync(join(tmpdir(), 'kubelab-subpath-'));
after(() => rmSync(root, { recursive: true }));

mkdirSync(join(root, 'a/b'), { recursive: true });
writeFileSync(join(root, 'a/file'), '');
symlinkSync('/', join(root, 'top'));
symlinkSync('/a', join(root, 'absolute'));
symlinkSync('../../../../etc', join(root, 'a/out'));
symlinkSync('b/../file', join(root, 'a/relative'));
symlinkSync('loop', join(root, 'loop'));

test('paths below a root, links followed inside it', async () => {
  assert.equal(await pathBelow(root, ''), join(root, '/'));
  assert.equal(await pathBelow(root, '/a//./b/'), join(root, 'a/b'));
  assert.equal(await pathBelow(root, 'absolute/b'), join(root, 'a/b'));
  assert.equal(await pathBelow(root, 'a/relative'), join(root, 'a/file'));
});

test('no link leads out, and what is not there is not found', async () => {
  assert.equal(await pathBelow(root, 'top'), join(root, '/'));
  assert.equal(await pathBelow(root, 'top/etc'), undefined);
  assert.equal(await pathBelow(root, 'a/out'), undefined);
  assert.equal(await pathBelow(root, 'a/file/x'), undefined);
  assert.equal(await pathBelow(root, 'loop'), undefined);
});
