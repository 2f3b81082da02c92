import { CriError } from '@kubelab/cri';
import type { ContainerInspectInfo } from 'dockerode';
import type { RuntimeContext } from '../context.js';
import { isMissing, toCriError } from '../docker/errors.js';
import { type ContainerRecord, decodeContainer, labelKeys } from '../labels.js';

export interface InspectedContainer {
  info: ContainerInspectInfo;
  record: ContainerRecord;
  sandboxId: string;
}

/** A container in Docker. Throws NOT_FOUND. */
export async function inspectContainer(context: RuntimeContext, id: string): Promise<InspectedContainer> {
  try {
    const info = await context.docker.quick.getContainer(id).inspect();
    const record = decodeContainer(info.Config.Labels);
    if (record) return { info, record, sandboxId: info.Config.Labels[labelKeys.sandboxId] ?? '' };
  } catch (error) {
    if (!isMissing(error)) throw toCriError(error, `inspect container ${id}`);
  }
  throw new CriError('NOT_FOUND', `no container ${id}`);
}

/** A container that runs. Throws NOT_FOUND, or FAILED_PRECONDITION when it does not. */
export async function inspectRunning(context: RuntimeContext, id: string): Promise<InspectedContainer> {
  const inspected = await inspectContainer(context, id);
  if (!inspected.info.State.Running) {
    throw new CriError('FAILED_PRECONDITION', `container ${id} is not running (${inspected.info.State.Status})`);
  }
  return inspected;
}
