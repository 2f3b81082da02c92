import { CriError } from '@kubelab/cri';
import type Docker from 'dockerode';
import type { ContainerCreateOptions } from 'dockerode';
import { labelKeys } from '../labels.js';
import { isConflict, isMissing, toCriError } from './errors.js';

/**
 * Creates a container whose name carries its identity. One of the same name that was created and never started is a
 * leftover of an attempt that was cut off (the shim or Docker went down in between): it is replaced. One that has run
 * is the real thing: ALREADY_EXISTS.
 */
export async function createOnce(docker: Docker, options: ContainerCreateOptions): Promise<Docker.Container> {
  try {
    return await docker.createContainer(options);
  } catch (error) {
    if (!isConflict(error) || !options.name) throw toCriError(error, `create container ${options.name}`);
    await removeLeftover(docker, options.name);
  }
  try {
    return await docker.createContainer(options);
  } catch (error) {
    throw toCriError(error, `create container ${options.name}`);
  }
}

async function removeLeftover(docker: Docker, name: string): Promise<void> {
  const existing = docker.getContainer(name);
  try {
    const info = await existing.inspect();
    const ours = labelKeys.type in (info.Config.Labels ?? {});
    if (!ours || info.State.Status !== 'created') {
      throw new CriError('ALREADY_EXISTS', `a container named ${name} exists already: ${info.Id}`);
    }
    await existing.remove({ force: true, v: true });
  } catch (error) {
    // Gone in the meantime is as good.
    if (!isMissing(error)) throw toCriError(error, `remove leftover container ${name}`);
  }
}
