import type { CniAttachment, CniResult } from '@kubelab/cni';
import { CriError, type PodSandboxNetworkStatusOutput } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import type { SandboxRecord } from '../labels.js';
import { bandwidth, checkBandwidth } from './bandwidth.js';

/** The file of a process' network namespace. */
export function netnsPath(pid: number): string {
  return `/proc/${pid}/ns/net`;
}

/** Whether the sandbox is on the host's network, where CNI has nothing to do. */
export function usesHostNetwork(record: SandboxRecord): boolean {
  return record.namespaces?.network === 'NODE';
}

/** CNI's parameters for a sandbox. `pid` 0 when it does not run any more. */
export function attachmentOf(id: string, record: SandboxRecord, pid: number): CniAttachment {
  const { metadata, portMappings } = record;
  return {
    containerId: id,
    netns: pid > 0 ? netnsPath(pid) : '',
    ifName: 'eth0',
    args: {
      IgnoreUnknown: '1',
      K8S_POD_NAMESPACE: metadata.namespace,
      K8S_POD_NAME: metadata.name,
      K8S_POD_INFRA_CONTAINER_ID: id,
      K8S_POD_UID: metadata.uid,
    },
    capabilities: {
      portMappings: portMappings
        .filter((mapping) => mapping.host_port > 0)
        .map((mapping) => ({
          hostPort: mapping.host_port,
          containerPort: mapping.container_port,
          protocol: mapping.protocol.toLowerCase(),
          hostIP: mapping.host_ip,
        })),
      ...bandwidth(record.annotations),
    },
  };
}

/** The pod's addresses: the first, then the others. Empty for the host's network. */
export function networkStatus(result: CniResult | undefined): PodSandboxNetworkStatusOutput {
  const inPod = (index: number | undefined) => index === undefined || Boolean(result?.interfaces[index]?.sandbox);
  const addresses = (result?.ips ?? []).filter((ip) => inPod(ip.interface)).map((ip) => ip.address.split('/')[0] ?? '');
  const [first = '', ...others] = addresses;
  return { ip: first, additional_ips: others.map((ip) => ({ ip })) };
}

/** Sets up the network of a sandbox that has just been started. Throws what the plugin says. */
export async function setUpNetwork(
  context: RuntimeContext,
  id: string,
  record: SandboxRecord,
  pid: number,
): Promise<CniResult> {
  const attachment = attachmentOf(id, record, pid);
  try {
    checkBandwidth(record.annotations);
    const result = await context.cni.add(attachment);
    await context.networks.save(id, result);
    return result;
  } catch (error) {
    const message = `failed to set up sandbox container "${id}" network for pod "${record.metadata.name}": ${(error as Error).message}`;
    throw new CriError('UNKNOWN', message, { cause: error });
  }
}

/** Whether the network of a sandbox that runs still is as it was set up: 'ok', or what CNI's CHECK says. */
export async function checkNetwork(
  context: RuntimeContext,
  id: string,
  record: SandboxRecord,
  pid: number,
): Promise<string> {
  try {
    await context.cni.check(attachmentOf(id, record, pid));
    return 'ok';
  } catch (error) {
    return (error as Error).message;
  }
}

/** Gives the network of a sandbox back. Can be repeated. `pid` 0 when it does not run any more. */
export async function tearDownNetwork(
  context: RuntimeContext,
  id: string,
  record: SandboxRecord,
  pid: number,
): Promise<void> {
  await context.cni.del(attachmentOf(id, record, pid));
  await context.networks.remove(id);
}
