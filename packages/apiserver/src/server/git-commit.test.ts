import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { gitCommit } from './git-commit.js';

it('reads the commit of a checkout', () => {
  const git = mkdtempSync(join(tmpdir(), 'kubelab-git-'));
  const [loose, packed] = ['a'.repeat(40), 'b'.repeat(40)];
  writeFileSync(join(git, 'HEAD'), 'ref: refs/heads/main\n');
  assert.match(gitCommit(git), /^0{40}$/);
  writeFileSync(join(git, 'packed-refs'), `# pack-refs\n${packed} refs/heads/main\n`);
  assert.equal(gitCommit(git), packed);
  mkdirSync(join(git, 'refs/heads'), { recursive: true });
  writeFileSync(join(git, 'refs/heads/main'), `${loose}\n`);
  assert.equal(gitCommit(git), loose);
  writeFileSync(join(git, 'HEAD'), `${packed}\n`);
  assert.equal(gitCommit(git), packed);
  rmSync(git, { recursive: true });
});
