import type {
  ContainerConfigOutput,
  ContainerMetadataOutput,
  NamespaceOptionOutput,
  PodSandboxConfigOutput,
  PodSandboxMetadataOutput,
  PortMappingOutput,
} from '@kubelab/cri';

/**
 * Everything the shim must know again after a restart is in Docker's labels; there is no other store to get out of
 * step with Docker. The workload's own labels are set beside ours for `docker ps --filter label=...`, but read back
 * from `io.kubelab.record` only: Docker mixes the image's labels into the container's.
 */
export const labelKeys = {
  type: 'io.kubelab.cri.type',
  /** State folder of the shim that made it: several may share one Docker, and each sees only its own. */
  owner: 'io.kubelab.cri.state-dir',
  sandboxId: 'io.kubelab.cri.sandbox-id',
  record: 'io.kubelab.cri.record',
} as const;

export type RecordType = 'sandbox' | 'container';

/** What is kept of a sandbox. */
export interface SandboxRecord {
  version: 1;
  metadata: PodSandboxMetadataOutput;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Nanoseconds since the epoch: Docker's list has seconds only, too coarse to order attempts by. */
  createdAt: string;
  namespaces: NamespaceOptionOutput | null;
  portMappings: PortMappingOutput[];
  logDirectory: string;
  runtimeHandler: string;
  cgroupParent: string;
}

/** What is kept of a container. */
export interface ContainerRecord {
  version: 1;
  metadata: ContainerMetadataOutput;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  createdAt: string;
  /** The image as the client named it. */
  image: string;
  userSpecifiedImage: string;
  /** Absolute; '' for a container without a log file. */
  logPath: string;
  stopSignal: string;
  mounts: ContainerConfigOutput['mounts'];
  /** Files of cgroup v2 that are set at the start; Docker does not know of them. */
  unified?: Record<string, string>;
  user?: { uid: number; gid: number; supplementalGroups: number[] };
}

export function sandboxRecord(
  config: PodSandboxConfigOutput,
  o: { createdAt: string; runtimeHandler: string },
): SandboxRecord {
  return {
    version: 1,
    metadata: config.metadata ?? { name: '', uid: '', namespace: '', attempt: 0 },
    labels: config.labels,
    annotations: config.annotations,
    createdAt: o.createdAt,
    namespaces: config.linux?.security_context?.namespace_options ?? null,
    portMappings: config.port_mappings,
    logDirectory: config.log_directory,
    runtimeHandler: o.runtimeHandler,
    cgroupParent: config.linux?.cgroup_parent ?? '',
  };
}

/** Docker labels for a record. Docker labels of the workload never hide ours. */
export function encodeLabels(
  type: RecordType,
  record: SandboxRecord | ContainerRecord,
  owner: string,
  sandboxId?: string,
): Record<string, string> {
  return {
    ...record.labels,
    [labelKeys.type]: type,
    [labelKeys.owner]: owner,
    [labelKeys.record]: JSON.stringify(record),
    ...(sandboxId ? { [labelKeys.sandboxId]: sandboxId } : {}),
  };
}

/** The record in Docker labels; undefined when the labels are not of this type, or of a version from the future. */
export function decodeSandbox(labels: Record<string, string> | undefined): SandboxRecord | undefined {
  return decode(labels, 'sandbox') as SandboxRecord | undefined;
}

export function decodeContainer(labels: Record<string, string> | undefined): ContainerRecord | undefined {
  return decode(labels, 'container') as ContainerRecord | undefined;
}

function decode(labels: Record<string, string> | undefined, type: RecordType): { version: number } | undefined {
  if (labels?.[labelKeys.type] !== type) return undefined;
  const record = JSON.parse(labels[labelKeys.record] ?? '{}') as { version: number };
  return record.version === 1 ? record : undefined;
}

/** Whether labels are those of this shim's: one without an owner was made before there were several. */
export function isOwnedBy(labels: Record<string, string> | undefined, stateDir: string): boolean {
  return (labels?.[labelKeys.owner] ?? stateDir) === stateDir;
}

/** Whether all of a selector's labels are there with these values. */
export function matchesSelector(labels: Record<string, string>, selector: Record<string, string> | undefined): boolean {
  return Object.entries(selector ?? {}).every(([key, value]) => labels[key] === value);
}
