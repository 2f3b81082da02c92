import { release } from 'node:os';
import type { RuntimeContext } from '../context.js';
import type { MountAbilities } from '../convert/mounts.js';
import { toCriError } from '../docker/errors.js';

/** Docker's API version as major and minor. */
export async function apiVersion(context: Pick<RuntimeContext, 'docker'>): Promise<[number, number]> {
  try {
    return parseVersion((await context.docker.quick.version()).ApiVersion);
  } catch (error) {
    throw toCriError(error, 'Docker version');
  }
}

/** What mounts this Docker and kernel can make. */
export async function mountAbilities(context: Pick<RuntimeContext, 'docker' | 'host'>): Promise<MountAbilities> {
  const api = await apiVersion(context);
  const kernel = parseVersion(release());
  return { recursiveReadOnly: atLeast(api, [1, 44]) && atLeast(kernel, [5, 12]), seLinux: context.host.seLinux };
}

export function parseVersion(text: string): [number, number] {
  const [major = '0', minor = '0'] = text.split('.');
  return [Number.parseInt(major, 10), Number.parseInt(minor, 10)];
}

export function atLeast(have: [number, number], want: [number, number]): boolean {
  return have[0] > want[0] || (have[0] === want[0] && have[1] >= want[1]);
}
