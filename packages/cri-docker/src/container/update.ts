import { CriError, type UpdateContainerResourcesRequestOutput } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { dockerResources } from '../convert/resources.js';
import { toCriError } from '../docker/errors.js';
import { inspectContainer } from './inspect.js';

/** Changes the limits of a container that has not ended. What is not set stays as it is. */
export async function updateContainerResources(
  context: RuntimeContext,
  request: UpdateContainerResourcesRequestOutput,
): Promise<void> {
  const { info } = await inspectContainer(context, request.container_id);
  if (info.State.Status === 'exited' || info.State.Status === 'dead') {
    throw new CriError('FAILED_PRECONDITION', `container ${request.container_id} has ended`);
  }
  const { OomScoreAdj: _fixedAtStart, ...wanted } = dockerResources(request.linux, context.host);
  const set = Object.entries(wanted).filter(([, value]) => value !== 0 && value !== '' && value !== undefined);
  if (set.length === 0) return;
  try {
    await context.docker.quick.getContainer(info.Id).update(Object.fromEntries(set));
  } catch (error) {
    throw toCriError(error, `update container ${request.container_id}`);
  }
}
