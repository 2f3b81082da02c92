import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { unmountAll } from './mounts.js';
import { bindSubPath } from './sub-path.js';

let dir: string;
let volume: string;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubelab-sub-'));
  volume = join(dir, 'volume');
  await mkdir(volume);
  await chmod(volume, 0o2777);
});

after(async () => {
  await unmountAll(dir);
  await rm(dir, { recursive: true, force: true });
});

test('missing folders are made with the permissions of the volume, whatever the umask', async () => {
  await bindSubPath(volume, 'a/b', join(dir, 'folder'));
  assert.equal((await stat(join(volume, 'a'))).mode & 0o7777, 0o2777);
  assert.equal((await stat(join(volume, 'a/b'))).mode & 0o7777, 0o2777);
  assert.equal((await stat(join(dir, 'folder'))).ino, (await stat(join(volume, 'a/b'))).ino);
});

test('a file that was replaced since the last start is bound anew', async () => {
  const target = join(dir, 'file');
  await writeFile(join(volume, 'key'), 'old');
  await bindSubPath(volume, 'key', target);
  assert.equal(await readFile(target, 'utf8'), 'old');
  await writeFile(join(volume, 'next'), 'new');
  await rename(join(volume, 'next'), join(volume, 'key'));
  assert.equal(await readFile(target, 'utf8'), 'old');
  await bindSubPath(volume, 'key', target);
  assert.equal(await readFile(target, 'utf8'), 'new');
});

test('nothing outside of the volume is bound', async () => {
  await symlink('/etc', join(volume, 'link'));
  await assert.rejects(bindSubPath(volume, 'link', join(dir, 'out')), /leads out of the volume/);
  await assert.rejects(bindSubPath(volume, '../volume', join(dir, 'out')), /must not contain '..'/);
});
