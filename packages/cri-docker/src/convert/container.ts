import {
  type ContainerConfigOutput,
  CriError,
  type DeviceOutput,
  type LinuxContainerSecurityContextOutput,
} from '@kubelab/cri';
import type { ContainerCreateOptions, DeviceMapping, HostConfig, MountSettings } from 'dockerode';
import type { HostFacts } from '../host.js';
import { type ContainerRecord, encodeLabels, type SandboxRecord } from '../labels.js';
import { containerName } from '../naming.js';
import { privilegedConfig } from './privileged.js';
import { dockerResources } from './resources.js';
import { securityOptions } from './security.js';
import { dockerSignal } from './signals.js';

export interface ContainerParts {
  /** State folder of this shim. */
  owner: string;
  sandboxId: string;
  sandbox: SandboxRecord;
  record: ContainerRecord;
  /** Docker's id of the image. */
  imageId: string;
  host: HostFacts;
  mounts: MountSettings[];
  binds: string[];
  /** uid[:gid] or a name; '' for the image's own. */
  user: string;
  groups: string[];
  runtime: string;
  /** As Docker wants it. */
  cgroupParent: string;
}

/**
 * Docker keeps its own log of each container, from which the CRI log is written; these bounds leave the shim time to
 * catch up after a restart without letting a chatty container fill the disk twice.
 */
const dockerLog = { Type: 'json-file', Config: { 'max-size': '64m', 'max-file': '3' } };

/** What Docker is asked to create for a container. Pure but for reading seccomp profiles. */
export function containerOptions(config: ContainerConfigOutput, parts: ContainerParts): ContainerCreateOptions {
  const { sandbox, record } = parts;
  return {
    name: containerName(record.metadata, sandbox.metadata),
    Image: parts.imageId,
    // An entry point of its own also leaves the image's arguments out, in Docker as in CRI.
    ...(config.command.length > 0 ? { Entrypoint: config.command } : {}),
    ...(config.args.length > 0 ? { Cmd: config.args } : {}),
    WorkingDir: config.working_dir,
    Env: config.envs.map(({ key, value }) => `${key}=${value}`),
    User: parts.user,
    Labels: encodeLabels('container', record, parts.owner, parts.sandboxId),
    OpenStdin: config.stdin,
    StdinOnce: config.stdin_once,
    Tty: config.tty,
    // Probes are the kubelet's.
    Healthcheck: { Test: ['NONE'] },
    ...(record.stopSignal === '' ? {} : { StopSignal: record.stopSignal }),
    HostConfig: hostConfig(config, parts),
  };
}

function hostConfig(config: ContainerConfigOutput, parts: ContainerParts): HostConfig {
  const security = config.linux?.security_context;
  const secured: Partial<HostConfig> = security
    ? securityConfig(security, parts.host)
    : { SecurityOpt: ['seccomp=unconfined'] };
  const cdi = config.CDI_devices.map((device) => device.name);
  return {
    ...secured,
    ...dockerResources(config.linux?.resources, parts.host),
    ...namespaces(security, parts),
    CgroupParent: parts.cgroupParent,
    // With v2 containers see a tree of their own, as with other runtimes; what may do anything to the node sees the node's.
    ...(parts.host.cgroupV2 ? { CgroupnsMode: security?.privileged ? 'host' : 'private' } : {}),
    Mounts: parts.mounts,
    Binds: parts.binds,
    Devices: [...(secured.Devices ?? []), ...config.devices.map(dockerDevice)],
    ...(cdi.length > 0 ? { DeviceRequests: [{ Driver: 'cdi', DeviceIDs: cdi }] } : {}),
    GroupAdd: parts.groups,
    LogConfig: dockerLog,
    RestartPolicy: { Name: '' },
    ...(parts.runtime === '' ? {} : { Runtime: parts.runtime }),
  };
}

function dockerDevice(device: DeviceOutput): DeviceMapping {
  return {
    PathOnHost: device.host_path,
    PathInContainer: device.container_path,
    CgroupPermissions: device.permissions,
  };
}

function securityConfig(security: LinuxContainerSecurityContextOutput, host: HostFacts): Partial<HostConfig> {
  const wanted = security.capabilities?.add_capabilities ?? [];
  return {
    ReadonlyRootfs: security.readonly_rootfs,
    // Docker's ALL is all the kernel has, and runc fails a container that is to have what its parents may not give.
    CapAdd: host.limitedCapabilities && wanted.includes('ALL') ? host.limitedCapabilities : wanted,
    CapDrop: security.capabilities?.drop_capabilities ?? [],
    SecurityOpt: securityOptions(security, host),
    // An empty list is a list: Docker's defaults would come back without it.
    MaskedPaths: security.privileged ? [] : security.masked_paths,
    ReadonlyPaths: security.privileged ? [] : security.readonly_paths,
    ...(security.privileged ? privilegedConfig(host) : {}),
  };
}

function namespaces(
  security: LinuxContainerSecurityContextOutput | null | undefined,
  parts: ContainerParts,
): Partial<HostConfig> {
  const ofSandbox = `container:${parts.sandboxId}`;
  const wanted = security?.namespace_options;
  const network = wanted?.network ?? parts.sandbox.namespaces?.network ?? 'POD';
  return {
    // Even on the host's network: it is the sandbox that is there.
    NetworkMode: ofSandbox,
    ...(network === 'NODE' ? { UTSMode: 'host' } : {}),
    IpcMode: wanted?.ipc === 'NODE' ? 'host' : wanted?.ipc === 'CONTAINER' ? 'private' : ofSandbox,
    PidMode: pidMode(wanted?.pid ?? 'POD', wanted?.target_id ?? '', ofSandbox),
  };
}

function pidMode(mode: string, target: string, ofSandbox: string): string {
  switch (mode) {
    case 'POD':
      return ofSandbox;
    case 'NODE':
      return 'host';
    case 'TARGET':
      if (target === '') throw new CriError('INVALID_ARGUMENT', 'pid namespace TARGET needs a target_id');
      return `container:${target}`;
    default:
      return '';
  }
}

/** Docker's name of the container's own stop signal, '' when the image's is to be used. */
export function stopSignalOf(config: ContainerConfigOutput): string {
  return dockerSignal(config.stop_signal);
}
