import { CriError, type UpdateContainerResourcesRequestOutput } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { dockerResources } from '../convert/resources.js';
import { toCriError } from '../docker/errors.js';
import { inspectContainer } from './inspect.js';
import { applyUnified, checkUnified } from './unified.js';

/** Changes the limits of a container that has not ended. What is not set stays as it is. */
export async function updateContainerResources(
  context: RuntimeContext,
  request: UpdateContainerResourcesRequestOutput,
): Promise<void> {
  const { info } = await inspectContainer(context, request.container_id);
  if (info.State.Status === 'exited' || info.State.Status === 'dead') {
    throw new CriError('FAILED_PRECONDITION', `container ${request.container_id} has ended`);
  }
  checkUnified(request.linux?.unified ?? {});
  const { OomScoreAdj: _fixedAtStart, ...wanted } = dockerResources(request.linux, context.host);
  const set = Object.entries(wanted).filter(([, value]) => value !== 0 && value !== '' && value !== undefined);
  try {
    if (set.length > 0) await context.docker.quick.getContainer(info.Id).update(Object.fromEntries(set));
  } catch (error) {
    throw toCriError(error, `update container ${request.container_id}`);
  }
  await applyUnified(context, info.Id, request.linux?.unified);
}
