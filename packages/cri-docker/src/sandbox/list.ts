import type { ListPodSandboxRequestOutput, ListPodSandboxResponse } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { toCriError } from '../docker/errors.js';
import { decodeSandbox, isOwnedBy, labelKeys, matchesSelector, type SandboxRecord } from '../labels.js';

export interface ListedSandbox {
  id: string;
  record: SandboxRecord;
  running: boolean;
}

/** All sandboxes of this runtime in Docker. */
export async function allSandboxes(context: RuntimeContext): Promise<ListedSandbox[]> {
  const containers = await context.docker.quick
    .listContainers({ all: true, filters: { label: [`${labelKeys.type}=sandbox`] } })
    .catch((error: unknown) => {
      throw toCriError(error, 'list sandboxes');
    });
  return containers.flatMap(({ Id, Labels, State }) => {
    const record = isOwnedBy(Labels, context.stateDir) ? decodeSandbox(Labels) : undefined;
    return record ? [{ id: Id, record, running: State === 'running' }] : [];
  });
}

export async function listPodSandbox(
  context: RuntimeContext,
  request: ListPodSandboxRequestOutput,
): Promise<ListPodSandboxResponse> {
  const { filter } = request;
  const sandboxes = await allSandboxes(context);
  const items = sandboxes.map(({ id, record, running }) => ({
    id,
    metadata: record.metadata,
    state: running ? ('SANDBOX_READY' as const) : ('SANDBOX_NOTREADY' as const),
    created_at: record.createdAt,
    labels: record.labels,
    annotations: record.annotations,
    runtime_handler: record.runtimeHandler,
  }));
  return {
    items: items.filter(
      (item) =>
        item.id.startsWith(filter?.id ?? '') &&
        (!filter?.state || filter.state.state === item.state) &&
        matchesSelector(item.labels, filter?.label_selector),
    ),
  };
}
