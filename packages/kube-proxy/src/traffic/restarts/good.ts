import type { V1Endpoint } from '@kubelab/api';
import type { KubeProxy } from '../../kube-proxy.js';
import { service, slice } from '../../testing/objects.js';
import { nodePort, p1, p2, udpPorts } from '../objects.js';

/** The Services that the proxies of this folder have. */
export const goodIp = '10.96.0.67';
export const goodPort = 30067;
export const flowIp = '10.96.0.68';

export function setGood(proxy: KubeProxy, endpoints: V1Endpoint[] = [p1, p2]): void {
  proxy.setService(service('good', goodIp, nodePort(goodPort)));
  proxy.setSlice(slice('good', endpoints));
}

export function setFlow(proxy: KubeProxy, endpoint: V1Endpoint): void {
  proxy.setService(service('flow', flowIp, { ports: [{ name: 'u', port: 53, protocol: 'UDP' }] }));
  proxy.setSlice(slice('flow', [endpoint], udpPorts));
}
