import { isIPv6 } from 'node:net';
import type { CoreV1EndpointPort, V1EndpointAddress, V1EndpointSubset, V1Service } from '@kubelab/api';
import { resolvePorts } from '../endpoint-model/ports.js';
import { endpointHostname, isHeadless, podIpOfFamily, podIps, shouldHaveEndpoint } from '../endpoint-model/services.js';
import { canonicalText } from '../framework/canonical.js';
import type { Pod } from '../framework/kinds.js';
import { isPodReady } from '../framework/pods.js';

/** Endpoints objects hold at most so many addresses; slices have the rest. */
export const maxCapacity = 1000;

interface Entry {
  address: V1EndpointAddress;
  port?: CoreV1EndpointPort;
  ready: boolean;
}

/** The subsets of a service's Endpoints object, repacked and sorted so that equal contents are equal texts. */
export function subsetsOf(service: V1Service, pods: Pod[]): V1EndpointSubset[] {
  const publish = service.spec?.publishNotReadyAddresses === true;
  const ipv6 = wantsIpv6(service);
  const entries: Entry[] = [];
  for (const pod of pods) {
    if (!shouldHaveEndpoint(pod, publish)) continue;
    const ip = ipv6 === undefined ? podIps(pod)[0] : podIpOfFamily(pod, ipv6);
    if (!ip) continue;
    const address = addressOf(pod, service, ip);
    const ready = publish || isPodReady(pod);
    if ((service.spec?.ports ?? []).length === 0) {
      if (isHeadless(service)) entries.push({ address, ready });
      continue;
    }
    for (const port of resolvePorts(service, pod)) {
      const { name, ...rest } = port;
      entries.push({ address, ready, port: name ? { name, ...rest } : rest });
    }
  }
  return repack(entries);
}

function wantsIpv6(service: V1Service): boolean | undefined {
  const family = service.spec?.ipFamilies?.[0];
  if (family) return family === 'IPv6';
  const ip = service.spec?.clusterIP;
  return ip && ip !== 'None' ? isIPv6(ip) : undefined;
}

function addressOf(pod: Pod, service: V1Service, ip: string): V1EndpointAddress {
  const hostname = endpointHostname(pod, service);
  return {
    ip,
    ...(hostname !== undefined && { hostname }),
    ...(pod.spec.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
  };
}

/** Addresses with the same ports go into one subset (RepackSubsets). */
function repack(entries: Entry[]): V1EndpointSubset[] {
  const byAddress = new Map<
    string,
    { address: V1EndpointAddress; ports: Map<string, CoreV1EndpointPort>; ready: boolean }
  >();
  for (const { address, port, ready } of entries) {
    const key = `${address.ip}|${address.targetRef?.uid ?? ''}`;
    let slot = byAddress.get(key);
    if (!slot) {
      slot = { address, ports: new Map(), ready };
      byAddress.set(key, slot);
    }
    if (port) slot.ports.set(canonicalText(port), port);
  }
  const byPorts = new Map<string, V1EndpointSubset>();
  for (const { address, ports, ready } of byAddress.values()) {
    const sorted = [...ports.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    const key = sorted.map(([text]) => text).join('|');
    let subset = byPorts.get(key);
    if (!subset) {
      subset = sorted.length > 0 ? { ports: sorted.map(([, port]) => port) } : {};
      byPorts.set(key, subset);
    }
    const list = ready ? 'addresses' : 'notReadyAddresses';
    subset[list] = [...(subset[list] ?? []), address];
  }
  const byIp = (a: V1EndpointAddress, b: V1EndpointAddress): number =>
    a.ip !== b.ip ? (a.ip < b.ip ? -1 : 1) : (a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1;
  return [...byPorts.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, subset]) => {
      subset.addresses?.sort(byIp);
      subset.notReadyAddresses?.sort(byIp);
      return subset;
    });
}

/** Cuts the addresses to the capacity, ready ones first. Returns whether anything was cut. */
export function truncate(subsets: V1EndpointSubset[]): boolean {
  const total = subsets.reduce((n, s) => n + (s.addresses?.length ?? 0) + (s.notReadyAddresses?.length ?? 0), 0);
  if (total <= maxCapacity) return false;
  let left = maxCapacity;
  for (const list of ['addresses', 'notReadyAddresses'] as const) {
    for (const subset of subsets) {
      const kept = subset[list]?.slice(0, left);
      left -= kept?.length ?? 0;
      if (kept && kept.length > 0) subset[list] = kept;
      else delete subset[list];
    }
  }
  return true;
}
