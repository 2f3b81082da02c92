import type { V1Service, V1ServiceSpec } from '../generated/types.js';
import { semanticEqual } from '../validation/common.js';

/** A client that knows clusterIP only changes that; clusterIPs follows. */
function syncAddresses(now: V1ServiceSpec, was: V1ServiceSpec): void {
  if (now.clusterIP === was.clusterIP || !semanticEqual(now.clusterIPs, was.clusterIPs)) return;
  if (now.clusterIP) now.clusterIPs = [now.clusterIP, ...(now.clusterIPs ?? []).slice(1)];
  else delete now.clusterIPs;
}

/** What an update leaves out and the server had given stays: addresses, families, node ports. */
export function keepServiceAllocations(service: V1Service, old: V1Service): void {
  const now = service.spec;
  const was = old.spec;
  if (!now || !was || now.type === 'ExternalName' || was.type === 'ExternalName') return;
  syncAddresses(now, was);
  if (!now.clusterIP && !now.clusterIPs?.length) {
    if (was.clusterIP) now.clusterIP = was.clusterIP;
    if (was.clusterIPs) now.clusterIPs = [...was.clusterIPs];
  } else if (now.clusterIP === was.clusterIP && !now.clusterIPs?.length && was.clusterIPs) {
    now.clusterIPs = [...was.clusterIPs];
  }
  if (!now.ipFamilies?.length && was.ipFamilies) now.ipFamilies = [...was.ipFamilies];
  if (!now.ipFamilyPolicy && was.ipFamilyPolicy) now.ipFamilyPolicy = was.ipFamilyPolicy;
  const hasNodePorts = (type: string | undefined): boolean => type === 'NodePort' || type === 'LoadBalancer';
  if (hasNodePorts(now.type) && hasNodePorts(was.type)) {
    const taken = new Set((now.ports ?? []).map((p) => p.nodePort).filter(Boolean));
    for (const port of now.ports ?? []) {
      if (port.nodePort) continue;
      const before = was.ports?.find((p) => p.port === port.port && p.protocol === port.protocol);
      if (before?.nodePort && !taken.has(before.nodePort)) {
        port.nodePort = before.nodePort;
        taken.add(before.nodePort);
      }
    }
  } else if (hasNodePorts(was.type)) {
    // Node ports that are merely carried along go with the type that needed them.
    for (const port of now.ports ?? []) {
      if (port.nodePort && was.ports?.some((p) => p.nodePort === port.nodePort)) delete port.nodePort;
    }
    delete now.healthCheckNodePort;
  }
  if (was.type === 'LoadBalancer' && now.type !== 'LoadBalancer') {
    delete now.allocateLoadBalancerNodePorts;
    delete now.loadBalancerClass;
    service.status = { loadBalancer: {} };
  }
  if (hasNodePorts(was.type) && now.type === 'ClusterIP' && !now.externalIPs?.length) {
    if (now.externalTrafficPolicy === was.externalTrafficPolicy) delete now.externalTrafficPolicy;
  }
  if (now.healthCheckNodePort === undefined && was.healthCheckNodePort && now.externalTrafficPolicy === 'Local') {
    now.healthCheckNodePort = was.healthCheckNodePort;
  }
}
