import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import Docker from 'dockerode';
import { ImageVolumes } from './volumes.js';

const state = mkdtempSync(join(tmpdir(), 'kubelab-volumes-'));
const dir = join(state, 'image-volumes');
after(() => rmSync(state, { recursive: true }));
beforeEach(() => rmSync(dir, { recursive: true, force: true }));

// Folders that are there are taken as they are: Docker is not asked.
const volumes = () => new ImageVolumes(new Docker({ socketPath: '/nowhere' }), state);

function lay(...names: string[]): void {
  for (const name of names) mkdirSync(join(dir, name, 'etc'), { recursive: true });
}

test('folders of images in no use go, and what a killed shim left', async () => {
  lay('a', 'b', 'c.partial-1-2', 'd.gone');
  await volumes().release(async () => ['sha256:b']);
  assert.deepEqual(readdirSync(dir), ['b']);
});

test('a folder that is held stays until it is let go', async () => {
  lay('a', 'a.partial-1-2');
  const subject = volumes();
  const ends = [subject.hold('sha256:a'), subject.hold('sha256:a')];
  assert.equal(await subject.folder('sha256:a'), join(dir, 'a'));
  ends[0]?.();
  await subject.release(async () => []);
  assert.deepEqual(readdirSync(dir), ['a', 'a.partial-1-2']);
  ends[1]?.();
  await subject.release(async () => []);
  assert.deepEqual(readdirSync(dir), []);
});

test('one let go while containers are listed stays: the list may be too old to have its container', async () => {
  lay('a');
  const subject = volumes();
  await subject.release(async () => {
    subject.hold('sha256:a')();
    return [];
  });
  assert.deepEqual(readdirSync(dir), ['a']);
  await subject.release(async () => []);
  assert.deepEqual(readdirSync(dir), []);
});

test('a list that fails leaves all, and the next release works', async () => {
  lay('a');
  const subject = volumes();
  await assert.rejects(
    subject.release(() => Promise.reject(new Error('no Docker'))),
    /no Docker/,
  );
  assert.deepEqual(readdirSync(dir), ['a']);
  await subject.release(async () => []);
  assert.deepEqual(readdirSync(dir), []);
});
