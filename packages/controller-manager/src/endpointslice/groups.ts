import { isIPv6 } from 'node:net';
import type { V1Endpoint } from '@kubelab/api';
import { resolvePorts } from '../endpoint-model/ports.js';
import { endpointHostname, podIpOfFamily, shouldHaveEndpoint } from '../endpoint-model/services.js';
import { canonicalText } from '../framework/canonical.js';
import type { Node, Pod, Service } from '../framework/kinds.js';
import { isPodReady } from '../framework/pods.js';
import type { EndpointGroup } from './reconcile-slices.js';

/** Address types that a service's slices have: its IP families, or what its cluster IP tells. */
export function addressTypes(service: Service): ('IPv4' | 'IPv6')[] {
  const families = (service.spec.ipFamilies ?? []).filter((family) => family === 'IPv4' || family === 'IPv6');
  if (families.length > 0) return families as ('IPv4' | 'IPv6')[];
  const ip = service.spec.clusterIP;
  if (ip && ip !== 'None') return [isIPv6(ip) ? 'IPv6' : 'IPv4'];
  return ['IPv4'];
}

/** The endpoints of a service by address type and ports, as its slices should hold them. */
export function endpointGroups(
  service: Service,
  pods: Pod[],
  nodeOf: (name: string) => Node | undefined,
): EndpointGroup[] {
  const groups: EndpointGroup[] = [];
  for (const addressType of addressTypes(service)) {
    const byPorts = new Map<string, EndpointGroup>();
    for (const pod of pods) {
      if (!shouldHaveEndpoint(pod, true)) continue;
      const ip = podIpOfFamily(pod, addressType === 'IPv6');
      if (!ip) continue;
      // An endpoint of a pod whose node is not known yet would lack its zone; one whose node is gone is dead.
      const node = pod.spec.nodeName ? nodeOf(pod.spec.nodeName) : undefined;
      if (pod.spec.nodeName && !node && service.spec.publishNotReadyAddresses !== true) continue;
      const ports = resolvePorts(service, pod);
      if (ports.length === 0 && (service.spec.ports ?? []).length > 0) continue;
      const key = canonicalText(ports);
      let group = byPorts.get(key);
      if (!group) {
        group = { addressType, ports, endpoints: [] };
        byPorts.set(key, group);
      }
      group.endpoints.push(endpointOf(service, pod, node, ip));
    }
    if (byPorts.size === 0) groups.push({ addressType, ports: [], endpoints: [] });
    groups.push(...byPorts.values());
  }
  return groups;
}

function endpointOf(service: Service, pod: Pod, node: Node | undefined, ip: string): V1Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
  const hostname = endpointHostname(pod, service);
  return {
    addresses: [ip],
    conditions: {
      // publishNotReadyAddresses means that clients want all addresses, ready or not.
      ready: service.spec.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    ...(hostname !== undefined && { hostname }),
    ...(pod.spec.nodeName && { nodeName: pod.spec.nodeName }),
    ...(zone && { zone }),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
  };
}
