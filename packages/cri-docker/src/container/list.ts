import type { ContainerStateOutput, ListContainersRequestOutput, ListContainersResponse } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { listState } from '../convert/states.js';
import { toCriError } from '../docker/errors.js';
import { type ContainerRecord, decodeContainer, isOwnedBy, labelKeys, matchesSelector } from '../labels.js';

export interface ListedContainer {
  id: string;
  sandboxId: string;
  record: ContainerRecord;
  state: ContainerStateOutput;
  imageId: string;
}

/** All containers of this runtime in Docker, or those of one sandbox. */
export async function allContainers(context: RuntimeContext, sandboxId?: string): Promise<ListedContainer[]> {
  const label = sandboxId ? `${labelKeys.sandboxId}=${sandboxId}` : `${labelKeys.type}=container`;
  const containers = await context.docker.quick
    .listContainers({ all: true, filters: { label: [label] } })
    .catch((error: unknown) => {
      throw toCriError(error, 'list containers');
    });
  return containers.flatMap(({ Id, Labels, State, ImageID }) => {
    const record = isOwnedBy(Labels, context.stateDir) ? decodeContainer(Labels) : undefined;
    if (!record) return [];
    return [
      { id: Id, sandboxId: Labels[labelKeys.sandboxId] ?? '', record, state: listState(State), imageId: ImageID },
    ];
  });
}

export async function listContainers(
  context: RuntimeContext,
  request: ListContainersRequestOutput,
): Promise<ListContainersResponse> {
  const { filter } = request;
  const containers = await allContainers(context);
  const wanted = containers.filter(
    (container) =>
      container.id.startsWith(filter?.id ?? '') &&
      container.sandboxId.startsWith(filter?.pod_sandbox_id ?? '') &&
      (!filter?.state || filter.state.state === container.state) &&
      matchesSelector(container.record.labels, filter?.label_selector),
  );
  return {
    containers: wanted.map(({ id, sandboxId, record, state, imageId }) => ({
      id,
      pod_sandbox_id: sandboxId,
      metadata: record.metadata,
      image: { image: record.image, user_specified_image: record.userSpecifiedImage },
      image_ref: imageId,
      image_id: imageId,
      state,
      created_at: record.createdAt,
      labels: record.labels,
      annotations: record.annotations,
    })),
  };
}
