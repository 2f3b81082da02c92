import type { V1Endpoint, V1EndpointSlice, V1Service, V1ServiceSpec } from '@kubelab/api';

/** A Service of namespace `default` with one port `80`, named `http`, unless `spec` says otherwise. */
export function service(
  name: string,
  clusterIP: string,
  spec: Partial<V1ServiceSpec> = {},
  status?: V1Service['status'],
): V1Service {
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      ...spec,
    },
    ...(status ? { status } : {}),
  };
}

/** A ready endpoint. */
export function endpoint(ip: string, nodeName: string, extra: Partial<V1Endpoint> = {}): V1Endpoint {
  return { addresses: [ip], nodeName, conditions: { ready: true, serving: true, terminating: false }, ...extra };
}

export function slice(
  serviceName: string,
  endpoints: V1Endpoint[],
  ports: V1EndpointSlice['ports'] = [{ name: 'http', port: 8080, protocol: 'TCP' }],
): V1EndpointSlice {
  const isV6 = endpoints[0]?.addresses[0]?.includes(':') ?? false;
  return {
    addressType: isV6 ? 'IPv6' : 'IPv4',
    metadata: {
      name: `${serviceName}-1`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': serviceName },
    },
    endpoints,
    ...(ports ? { ports } : {}),
  };
}
