import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { MountOutput } from '@kubelab/cri';

const run = promisify(execFile);

/**
 * Recursive read-only mounts on a Docker that has none (before 25). Docker mounts a stage in the place of the host's
 * path: while the container starts, all that is at that path is mounted there, each mount below it read-only too, which
 * runc's own copy then keeps. Docker and the shim must be in one mount namespace.
 */
export class ReadOnlyStages {
  readonly #dir: string;

  constructor(stateDir: string) {
    this.#dir = join(stateDir, 'read-only');
  }

  /** A stage for a path of the host; nothing is mounted there yet. */
  async make(hostPath: string): Promise<string> {
    const stage = join(this.#dir, randomUUID());
    await this.#place(stage, hostPath);
    return stage;
  }

  /** The stages among the sources of a container's mounts in Docker, by where they are mounted. */
  among(mounts: { Source?: string; Target?: string }[] | undefined): Map<string, string> {
    const stages = new Map<string, string>();
    for (const { Source = '', Target = '' } of mounts ?? []) {
      if (Source.startsWith(`${this.#dir}/`)) stages.set(Target, Source);
    }
    return stages;
  }

  /** Mounts what is at a path of the host on a stage. */
  async fill(stage: string, hostPath: string): Promise<void> {
    await this.#place(stage, hostPath);
    // Without propagation at once: what happens to the copy must never happen to the host's mounts.
    await run('mount', ['--rbind', '--make-rprivate', hostPath, stage]);
    for (const { point, options } of await mountsBelow(stage)) {
      await run('mount', ['-o', ['remount', 'bind', 'ro', ...options].join(','), point]);
    }
  }

  /** Takes off what is mounted on a stage. */
  async empty(stage: string): Promise<void> {
    if ((await mountsBelow(stage)).length === 0) return;
    await run('mount', ['--make-rprivate', stage]);
    await run('umount', ['-R', '-l', stage]);
  }

  /** Removes stages for good. */
  async remove(stages: Iterable<string>): Promise<void> {
    for (const stage of stages) {
      await this.empty(stage);
      // What is mounted on would be lost if it were removed with all that is in it.
      const found = await stat(stage).catch(absent);
      if (found?.isDirectory()) await rmdir(stage);
      else if (found) await rm(stage, { force: true });
    }
  }

  /**
   * Removes what earlier shims have left, killed during a start or away while somebody else removed a container. A
   * container yet to be started gets its stage back then.
   */
  async sweep(): Promise<void> {
    const stages = (await readdir(this.#dir).catch(absent)) ?? [];
    await this.remove(stages.map((stage) => join(this.#dir, stage)));
  }

  /** An empty folder or file, as the host's path is one. */
  async #place(stage: string, hostPath: string): Promise<void> {
    if ((await stat(hostPath)).isDirectory()) {
      await mkdir(stage, { recursive: true });
      return;
    }
    await mkdir(this.#dir, { recursive: true });
    await writeFile(stage, '', { flag: 'a' });
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/**
 * Whether a mount may be a recursive read-only one: those that may not are refused by `dockerMounts`. The files of an
 * image have no mounts among them.
 */
export function needsStage(mount: MountOutput): boolean {
  const { recursive_read_only, readonly, propagation, image } = mount;
  return recursive_read_only && readonly && propagation === 'PROPAGATION_PRIVATE' && !image?.image;
}

/** Flags of a mount that a remount takes away unless they are named. */
const kept = new Set(['nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime', 'relatime']);

async function mountsBelow(path: string): Promise<{ point: string; options: string[] }[]> {
  const mounts: { point: string; options: string[] }[] = [];
  for (const line of (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')) {
    const [, , , , escaped = '', options = ''] = line.split(' ');
    const point = escaped.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    if (point !== path && !point.startsWith(`${path}/`)) continue;
    mounts.push({ point, options: options.split(',').filter((option) => kept.has(option)) });
  }
  return mounts;
}
