import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { imageConfig, writeDockerArchive } from './docker-archive.js';

test('instructions become the configuration of an image', () => {
  assert.deepEqual(imageConfig(['ENV A=1', 'ENV B=2', 'EXPOSE 80/tcp', 'CMD ["sh"]', 'ENTRYPOINT ["/x","y"]']), {
    Env: ['A=1', 'B=2'],
    ExposedPorts: { '80/tcp': {} },
    Cmd: ['sh'],
    Entrypoint: ['/x', 'y'],
  });
  assert.throws(() => imageConfig(['USER 5']), /USER 5/);
});

test('an archive names its image, and its layer by the right digest', async () => {
  const work = mkdtempSync(join(tmpdir(), 'archive-test-'));
  try {
    const layer = join(work, 'files.tar');
    writeFileSync(layer, 'layer');
    const file = join(work, 'out.tar');
    await writeDockerArchive(
      file,
      { reference: 'a/b:1', changes: ['CMD ["sh"]'], archive: async () => layer },
      layer,
      work,
    );
    const read = (name: string) => execFileSync('tar', ['-xOf', file, name], { encoding: 'utf8' });
    const [manifest] = JSON.parse(read('manifest.json')) as [{ Config: string; RepoTags: string[]; Layers: string[] }];
    assert.deepEqual([manifest.RepoTags, read(manifest.Layers[0] ?? '')], [['a/b:1'], 'layer']);
    const config = JSON.parse(read(manifest.Config)) as { rootfs: { diff_ids: string[] }; config: object };
    const digest = execFileSync('sha256sum', [layer], { encoding: 'utf8' }).split(' ')[0];
    assert.deepEqual(config.rootfs.diff_ids, [`sha256:${digest}`]);
    assert.deepEqual(config.config, { Cmd: ['sh'] });
  } finally {
    rmSync(work, { recursive: true });
  }
});
