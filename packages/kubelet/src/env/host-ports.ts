import type { PortMapping } from '@kubelab/cri';
import type { Pod } from '../pod/types.js';
import { isSidecar } from '../pod/types.js';

const protocols = { TCP: 'TCP', UDP: 'UDP', SCTP: 'SCTP' } as const;

/** Port mappings of a sandbox; CNI's portmap plugin reads only those with a host port. */
export function portMappings(pod: Pod): PortMapping[] {
  if (pod.spec.hostNetwork) return [];
  const containers = [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers];
  return containers.flatMap((container) =>
    (container.ports ?? []).map((port) => ({
      protocol: protocols[(port.protocol ?? 'TCP') as keyof typeof protocols],
      container_port: port.containerPort,
      host_port: port.hostPort ?? 0,
      host_ip: port.hostIP ?? '',
    })),
  );
}
