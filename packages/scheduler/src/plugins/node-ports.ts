import type { V1Pod } from '@kubelab/api';
import type { Plugin } from '../framework/types.js';

interface HostPort {
  ip: string;
  protocol: string;
  port: number;
}

function hostPortsOf(pod: V1Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter(
    (container) => (container as { restartPolicy?: string }).restartPolicy === 'Always',
  );
  return [...(pod.spec?.containers ?? []), ...sidecars].flatMap((container) =>
    (container.ports ?? []).flatMap(({ hostPort, hostIP, protocol }) =>
      hostPort ? [{ port: hostPort, ip: hostIP || '0.0.0.0', protocol: protocol || 'TCP' }] : [],
    ),
  );
}

function conflicts(a: HostPort, b: HostPort): boolean {
  const sameAddress = a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
  return a.port === b.port && a.protocol === b.protocol && sameAddress;
}

/** Host ports are taken once a node. */
export const nodePorts: Plugin = {
  name: 'NodePorts',
  requeueOn: ['NodeAdd', 'AssignedPodDelete'],
  filter(_state, pod, node) {
    const wanted = hostPortsOf(pod);
    if (wanted.length === 0) {
      return undefined;
    }
    for (const other of node.pods.values()) {
      if (hostPortsOf(other).some((taken) => wanted.some((port) => conflicts(port, taken)))) {
        return { reasons: ["node(s) didn't have free ports for the requested pod ports"] };
      }
    }
    return undefined;
  },
  mayHelp(_pod, event, now) {
    return event !== 'AssignedPodDelete' || hostPortsOf(now as V1Pod).length > 0;
  },
};
