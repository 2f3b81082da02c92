import type { V1Service, V1ServiceSpec } from '../generated/types.js';
import { semanticEqual } from '../validation/common.js';

/** A client that knows clusterIP only changes that; clusterIPs follows. */
function syncAddresses(now: V1ServiceSpec, was: V1ServiceSpec): void {
  if (now.clusterIP === was.clusterIP || !semanticEqual(now.clusterIPs, was.clusterIPs)) return;
  if (now.clusterIP) now.clusterIPs = [now.clusterIP, ...(now.clusterIPs ?? []).slice(1)];
  else delete now.clusterIPs;
}

const hasNodePorts = (spec: V1ServiceSpec): boolean => spec.type === 'NodePort' || spec.type === 'LoadBalancer';
const isReachedFromOutside = (spec: V1ServiceSpec): boolean =>
  hasNodePorts(spec) || (spec.type !== 'ExternalName' && (spec.externalIPs ?? []).length > 0);
const needsHealthCheckPort = (spec: V1ServiceSpec): boolean =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

/** What an update leaves out and the server had given stays: addresses, families, node ports. */
function keepGiven(now: V1ServiceSpec, was: V1ServiceSpec): void {
  if (now.type === 'ExternalName' || was.type === 'ExternalName') return;
  syncAddresses(now, was);
  if (!now.clusterIP && !now.clusterIPs?.length) {
    if (was.clusterIP) now.clusterIP = was.clusterIP;
    if (was.clusterIPs) now.clusterIPs = [...was.clusterIPs];
  } else if (now.clusterIP === was.clusterIP && !now.clusterIPs?.length && was.clusterIPs) {
    now.clusterIPs = [...was.clusterIPs];
  }
  if (!now.ipFamilies?.length && was.ipFamilies) now.ipFamilies = [...was.ipFamilies];
  if (!now.ipFamilyPolicy && was.ipFamilyPolicy) now.ipFamilyPolicy = was.ipFamilyPolicy;
  if (hasNodePorts(now) && hasNodePorts(was)) {
    const taken = new Set((now.ports ?? []).map((p) => p.nodePort).filter(Boolean));
    for (const port of now.ports ?? []) {
      if (port.nodePort) continue;
      // By name, whatever else of the port has changed.
      const before = was.ports?.find((p) => (p.name ?? '') === (port.name ?? ''));
      if (before?.nodePort && !taken.has(before.nodePort)) {
        port.nodePort = before.nodePort;
        taken.add(before.nodePort);
      }
    }
  }
  if (!now.healthCheckNodePort && was.healthCheckNodePort && needsHealthCheckPort(now)) {
    now.healthCheckNodePort = was.healthCheckNodePort;
  }
}

/** What belonged to the type that the Service had, and is merely carried along, goes with it. */
function dropTypeDependent(now: V1ServiceSpec, was: V1ServiceSpec): void {
  if (was.type !== 'ExternalName' && now.type === 'ExternalName') {
    if (now.clusterIP === was.clusterIP && semanticEqual(now.clusterIPs, was.clusterIPs)) {
      delete now.clusterIP;
      delete now.clusterIPs;
    }
    if (semanticEqual(now.ipFamilies, was.ipFamilies)) delete now.ipFamilies;
    if (now.ipFamilyPolicy === was.ipFamilyPolicy) delete now.ipFamilyPolicy;
  }
  if (hasNodePorts(was) && !hasNodePorts(now)) {
    const had = new Set(was.ports?.map((p) => p.nodePort));
    // Not if one of them is new: then somebody means them.
    if (now.ports?.every((p) => !p.nodePort || had.has(p.nodePort))) for (const p of now.ports) delete p.nodePort;
  }
  if (needsHealthCheckPort(was) && !needsHealthCheckPort(now) && now.healthCheckNodePort === was.healthCheckNodePort) {
    delete now.healthCheckNodePort;
  }
  if (isReachedFromOutside(was) && !isReachedFromOutside(now)) {
    if (now.externalTrafficPolicy === was.externalTrafficPolicy) delete now.externalTrafficPolicy;
  }
  if (was.type === 'LoadBalancer' && now.type !== 'LoadBalancer') {
    if (now.allocateLoadBalancerNodePorts === was.allocateLoadBalancerNodePorts) {
      delete now.allocateLoadBalancerNodePorts;
    }
    if (now.loadBalancerClass === was.loadBalancerClass) delete now.loadBalancerClass;
  }
}

/** The fields of an update that follow from the Service as it was. */
export function keepServiceAllocations(service: V1Service, old: V1Service): void {
  const now = service.spec;
  const was = old.spec;
  if (!now || !was) return;
  keepGiven(now, was);
  dropTypeDependent(now, was);
  if (was.type === 'LoadBalancer' && now.type !== 'LoadBalancer') service.status = { loadBalancer: {} };
}
