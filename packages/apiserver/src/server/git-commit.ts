import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What stands for a commit that is not known, as in an installed package. */
const unknown = '0'.repeat(40);

function gitDirectory(): string | undefined {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    const git = join(at, '.git');
    if (existsSync(join(git, 'HEAD'))) return git;
  }
  return undefined;
}

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '');

/** The commit of the checkout that the server runs from. */
export function gitCommit(git = gitDirectory()): string {
  if (!git) return unknown;
  const head = textOf(join(git, 'HEAD'));
  const ref = /^ref: (.+)$/.exec(head)?.[1];
  const packed = textOf(join(git, 'packed-refs'))
    .split('\n')
    .find((line) => line.endsWith(` ${ref}`));
  const commit = ref ? textOf(join(git, ref)) || (packed?.split(' ')[0] ?? '') : head;
  return /^[0-9a-f]{40}$/.test(commit) ? commit : unknown;
}
