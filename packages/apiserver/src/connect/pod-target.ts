import type { V1Pod } from '@kubelab/api';
import { newBadRequest, newNotFound } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../object-access.js';

const pods = { group: '', resource: 'pods' };

/** The pod of a connect request. @throws StatusError NotFound */
export async function getPod(objects: ObjectAccess, namespace: string, name: string): Promise<V1Pod> {
  const pod =
    (await objects.get(pods, namespace, name)) ?? (await objects.get(pods, namespace, name, { consistent: true }));
  if (!pod) throw newNotFound(pods, name);
  return pod as unknown as V1Pod;
}

/**
 * The container that a request means: the one it names, or the only one there is.
 * @throws StatusError BadRequest with Kubernetes' list of choices
 */
export function containerOf(pod: V1Pod, asked: string): string {
  const names = (list: { name: string }[] | undefined) => (list ?? []).map((c) => c.name);
  const containers = names(pod.spec?.containers);
  const init = names(pod.spec?.initContainers);
  const ephemeral = names(pod.spec?.ephemeralContainers);
  const podName = pod.metadata?.name ?? '';
  if (asked !== '') {
    if ([...containers, ...init, ...ephemeral].includes(asked)) return asked;
    throw newBadRequest(`container ${asked} is not valid for pod ${podName}`);
  }
  const only = containers[0];
  if (containers.length === 1 && only !== undefined) return only;
  if (containers.length === 0) throw newBadRequest(`a container name must be specified for pod ${podName}`);
  const choices = [
    `choose one of: [${containers.join(' ')}]`,
    ...(init.length > 0 ? [`or one of the init containers: [${init.join(' ')}]`] : []),
    ...(ephemeral.length > 0 ? [`or one of the ephemeral containers: [${ephemeral.join(' ')}]`] : []),
  ].join(' ');
  throw newBadRequest(`a container name must be specified for pod ${podName}, ${choices}`);
}
