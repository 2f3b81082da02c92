import type { V1Service } from '@kubelab/api';

const envName = (name: string) => name.replaceAll('-', '_').toUpperCase();

/** Variables of one service, Docker link style, as the kubelet makes them. */
export function serviceVariables(service: V1Service): [string, string][] {
  const ip = service.spec?.clusterIP;
  const ports = service.spec?.ports ?? [];
  const [first] = ports;
  if (!ip || ip === 'None' || !first) return [];
  const prefix = envName(service.metadata?.name ?? '');
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const url = (port: typeof first) => `${(port.protocol ?? 'TCP').toLowerCase()}://${host}:${port.port}`;
  const out: [string, string][] = [
    [`${prefix}_SERVICE_HOST`, ip],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
  ];
  for (const port of ports) {
    if (port.name) out.push([`${prefix}_SERVICE_PORT_${envName(port.name)}`, String(port.port)]);
  }
  out.push([`${prefix}_PORT`, url(first)]);
  for (const port of ports) {
    const protocol = (port.protocol ?? 'TCP').toUpperCase();
    const link = `${prefix}_PORT_${port.port}_${protocol}`;
    out.push([link, url(port)]);
    out.push([`${link}_PROTO`, protocol.toLowerCase()]);
    out.push([`${link}_PORT`, String(port.port)]);
    out.push([`${link}_ADDR`, ip]);
  }
  return out;
}

/**
 * The service variables of a pod: the `kubernetes` service of the default namespace always, services of the pod's own
 * namespace with enableServiceLinks.
 */
export function serviceEnvironment(services: V1Service[], namespace: string, links: boolean): Map<string, string> {
  const chosen = services.filter((service) => {
    const meta = service.metadata;
    if (meta?.namespace === 'default' && meta.name === 'kubernetes') return true;
    return links && meta?.namespace === namespace;
  });
  // The pod's own namespace wins over default/kubernetes.
  chosen.sort((a, b) => Number(a.metadata?.namespace === namespace) - Number(b.metadata?.namespace === namespace));
  return new Map(chosen.flatMap(serviceVariables));
}
