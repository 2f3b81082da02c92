import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { aPod } from '../testing/objects.js';
import { writeAtomically } from './atomic-writer.js';
import { checkHostPath } from './host-path.js';
import { parseMountInfo } from './mounts.js';
import { downwardPayload, keysToFiles, type Payload } from './payload.js';

const bytes = (text: string) => Buffer.from(text);

describe('keysToFiles', () => {
  const data = new Map([
    ['a', bytes('1')],
    ['b', bytes('2')],
  ]);
  it('takes all', () =>
    assert.deepEqual(
      [...keysToFiles('configmap', data, undefined, 0o400, false)].map(([path, file]) => [path, file.mode]),
      [
        ['a', 0o400],
        ['b', 0o400],
      ],
    ));
  it('takes items', () => {
    const files = keysToFiles('configmap', data, [{ key: 'b', path: 'x/y', mode: 0o600 }], undefined, false);
    assert.deepEqual([...files.keys()], ['x/y']);
    assert.equal(files.get('x/y')?.mode, 0o600);
  });
  it('misses', () => {
    const items = [{ key: 'z', path: 'z' }];
    assert.throws(() => keysToFiles('configmap', data, items, undefined, false), /references non-existent key: z/);
    assert.equal(keysToFiles('configmap', data, items, undefined, true).size, 0);
  });
  it('has the downward API', () => {
    const context = { podIps: [], hostIps: [], nodeName: 'n', allocatable: {} };
    const files = downwardPayload(
      aPod(),
      [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }],
      undefined,
      context,
    );
    assert.equal(files.get('n')?.data.toString(), 'p');
  });
});

describe('writeAtomically', () => {
  let dir: string;
  before(async () => {
    dir = join(await mkdtemp(join(tmpdir(), 'kubelab-vol-')), 'v');
  });
  after(() => rm(join(dir, '..'), { recursive: true, force: true }));
  const payload = (files: Record<string, string>): Payload =>
    new Map(Object.entries(files).map(([path, text]) => [path, { data: bytes(text), mode: 0o640 }]));

  it('writes, changes, leaves alone', async () => {
    assert.equal(await writeAtomically(dir, payload({ 'a/b': '1', c: '2' })), true);
    assert.equal(await readFile(join(dir, 'a/b'), 'utf8'), '1');
    assert.equal((await stat(join(dir, 'c'))).mode & 0o777, 0o640);
    const first = await readlink(join(dir, '..data'));
    assert.equal(await writeAtomically(dir, payload({ 'a/b': '1', c: '2' })), false);
    assert.equal(await readlink(join(dir, '..data')), first);
    assert.equal(await writeAtomically(dir, payload({ c: '3' })), true);
    assert.equal(await readFile(join(dir, 'c'), 'utf8'), '3');
    const names = await readdir(dir);
    assert.ok(!names.includes('a') && !names.includes(first));
    assert.equal(await readlink(join(dir, 'c')), '..data/c');
  });
  for (const path of ['../x', '/x', 'a/../../x', '..x', '']) {
    it(`refuses ${JSON.stringify(path)}`, async () =>
      assert.rejects(writeAtomically(dir, payload({ [path]: 'x' })), /invalid path/));
  }
});

describe('checkHostPath', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kubelab-hp-'));
    await writeFile(join(dir, 'file'), '');
    await mkdir(join(dir, 'dir'));
    await symlink('nowhere', join(dir, 'broken'));
  });
  after(() => rm(dir, { recursive: true, force: true }));
  const cases: [string, string | undefined, RegExp | undefined][] = [
    ['none', undefined, undefined],
    ['file', 'File', undefined],
    ['dir', 'File', /is not a file/],
    ['dir', 'Directory', undefined],
    ['none', 'Directory', /is not a directory/],
    ['new', 'DirectoryOrCreate', undefined],
    ['newfile', 'FileOrCreate', undefined],
    ['no/parent', 'FileOrCreate', /is not a file/],
    ['broken', 'File', /is not a file/],
    ['file', 'Socket', /is not a socket/],
    ['file', 'Wrong', /unsupported type/],
  ];
  for (const [name, type, error] of cases) {
    it(`${name} as ${type ?? 'anything'}`, async () => {
      const check = checkHostPath(join(dir, name), type);
      if (error) await assert.rejects(check, error);
      else await check;
    });
  }
});

describe('parseMountInfo', () => {
  it('reads optional fields and escapes', () => {
    const [entry] = parseMountInfo('36 35 98:0 /root /mnt/a\\040b rw shared:1 master:2 - ext4 /dev/sda1 rw\n');
    assert.deepEqual(entry, {
      root: '/root',
      mountPoint: '/mnt/a b',
      optional: ['shared:1', 'master:2'],
      fsType: 'ext4',
      source: '/dev/sda1',
    });
  });
});
