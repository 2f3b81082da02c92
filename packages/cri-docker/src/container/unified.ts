import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CriError } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { cgroupRoot, cgroupsOf, unlessGone } from '../stats/cgroup.js';

const isFileName = (name: string) => /^[a-z_]+(\.[a-z0-9_]+)+$/.test(name);

/** Checks CRI's `unified` settings: files of cgroup v2 with what is to be in them. */
export function checkUnified(unified: Record<string, string>): void {
  for (const name of Object.keys(unified)) {
    if (!isFileName(name)) throw new CriError('INVALID_ARGUMENT', `unified cgroup setting ${name} is no file's name`);
  }
}

/**
 * Writes `unified` settings to the cgroup of a container that has just started. Docker has no setting for them, so
 * they hold some milliseconds after the start. On cgroup v1 there are no such files, and nothing is done.
 */
export async function applyUnified(
  context: RuntimeContext,
  id: string,
  unified: Record<string, string> | undefined,
): Promise<void> {
  const settings = Object.entries(unified ?? {});
  if (settings.length === 0 || !context.host.cgroupV2) return;
  const { State } = await context.docker.quick.getContainer(id).inspect();
  const group = State.Pid > 0 ? cgroupsOf(State.Pid)?.get('') : undefined;
  // It has ended already: there is nothing left to hold to limits.
  if (group === undefined) return;
  for (const [name, value] of settings) {
    try {
      unlessGone(() => writeFileSync(join(cgroupRoot, group, name), value));
    } catch (error) {
      context.logger.warn('A unified cgroup setting was refused', { container: id, name, value, error });
    }
  }
}
