import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Turns } from '../turns.js';
import type { VolumePlugin } from './types.js';

const run = promisify(execFile);
const cloneTimeoutMs = 300_000;
/** Pods with dozens of repositories must not starve the node. */
const clones = new Turns(4);

/** gitRepo (deprecated): an empty folder into which a repository is cloned once. */
export const gitRepo: VolumePlugin = {
  folder: 'kubernetes.io~git-repo',
  supports: (volume) => volume.gitRepo !== undefined && volume.gitRepo !== null,
  async setUp({ volume, dir }) {
    const source = volume.gitRepo;
    if (!source) throw new Error('not a gitRepo volume');
    const { repository, revision = '', directory = '' } = source;
    // Values that git would read as options, or that leave the volume (CVE-2018-11235, CVE-2024-10220).
    for (const value of [repository, revision, directory]) {
      if (value.startsWith('-')) throw new Error(`${JSON.stringify(value)} is not a valid value for a gitRepo volume`);
    }
    if (directory.split('/').includes('..') || directory.includes('/')) {
      throw new Error(`gitRepo directory ${JSON.stringify(directory)} must be a plain name`);
    }
    const done = join(dirname(dir), `.${volume.name}.ready`);
    await mkdir(dir, { recursive: true, mode: 0o755 });
    const hooks = ['-c', 'core.hooksPath=/dev/null', '-c', 'protocol.file.allow=user'];
    if ((await readdir(dir)).length === 0) {
      const env = { ...process.env, GIT_TERMINAL_PROMPT: '0' };
      const options = { cwd: dir, timeout: cloneTimeoutMs, env };
      const into = directory === '' ? [] : [directory];
      await clones.run(() => run('git', [...hooks, 'clone', '--', repository, ...into], options));
      if (revision) {
        const [only] = await readdir(dir);
        const cwd = directory === '.' ? dir : join(dir, directory || (only ?? ''));
        await run('git', [...hooks, 'checkout', revision], { ...options, cwd });
        await run('git', [...hooks, 'reset', '--hard'], { ...options, cwd });
      }
      await chmod(dir, 0o777);
      await writeFile(done, '');
    }
    return { hostPath: dir, readOnly: false };
  },
};
