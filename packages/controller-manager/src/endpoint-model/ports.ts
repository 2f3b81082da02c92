import type { V1Pod, V1Service, V1ServicePort } from '@kubelab/api';

/**
 * The pod port that a service port leads to: the target port by number, or by name in the pod's containers; undefined
 * if the pod has no such port (podutil.FindPort).
 */
export function findPort(pod: V1Pod, port: V1ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target === 0 ? port.port : target;
  const protocol = port.protocol ?? 'TCP';
  const restartable = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...restartable]) {
    for (const candidate of container.ports ?? []) {
      if (candidate.name === target && (candidate.protocol ?? 'TCP') === protocol) return candidate.containerPort;
    }
  }
  return undefined;
}

export interface ResolvedPort {
  name: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

/** The service's ports as this pod serves them; those it does not have are left out. */
export function resolvePorts(service: V1Service, pod: V1Pod): ResolvedPort[] {
  return (service.spec?.ports ?? []).flatMap((servicePort) => {
    const port = findPort(pod, servicePort);
    if (port === undefined) return [];
    return [
      {
        name: servicePort.name ?? '',
        port,
        protocol: servicePort.protocol ?? 'TCP',
        ...(servicePort.appProtocol !== undefined && { appProtocol: servicePort.appProtocol }),
      },
    ];
  });
}
