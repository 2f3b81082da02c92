import { isIPv6 } from 'node:net';
import type { V1Pod, V1Service } from '@kubelab/api';
import type { Pod, Service } from '../framework/kinds.js';
import { isPodTerminal } from '../framework/pods.js';

export const headlessLabel = 'service.kubernetes.io/headless';

/** Headless, or without a cluster IP for another reason: clients go to the pods themselves. */
export function isHeadless(service: V1Service): boolean {
  return service.spec?.clusterIP === 'None' || !service.spec?.clusterIP;
}

/** Whether an endpoint stands for this pod at all: it has an address and may be alive. */
export function shouldHaveEndpoint(pod: V1Pod, includeTerminating: boolean): boolean {
  if (isPodTerminal(pod)) return false;
  if (podIps(pod).length === 0) return false;
  return includeTerminating || !pod.metadata?.deletionTimestamp;
}

export function podIps(pod: V1Pod): string[] {
  const ips = (pod.status?.podIPs ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  if (ips.length > 0) return ips;
  return pod.status?.podIP ? [pod.status.podIP] : [];
}

export function podIpOfFamily(pod: V1Pod, ipv6: boolean): string | undefined {
  return podIps(pod).find((ip) => isIPv6(ip) === ipv6);
}

/** The hostname that DNS gives a pod of this headless service, if it asked for one (hostname and subdomain). */
export function endpointHostname(pod: V1Pod, service: V1Service): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  return hostname && subdomain === service.metadata?.name ? hostname : undefined;
}

/** Keys of the services in the pod's namespace that select it. */
export function servicesOfPod(services: Service[], pod: Pod): string[] {
  return services
    .filter((service) => {
      const selector = Object.entries(service.spec.selector ?? {});
      return selector.length > 0 && selector.every(([key, value]) => pod.metadata.labels?.[key] === value);
    })
    .map((service) => `${service.metadata.namespace}/${service.metadata.name}`);
}

/** Whether a change of the pod can matter to the endpoints that stand for it. */
export function endpointChanged(old: Pod, now: Pod): boolean {
  const facts = (pod: Pod): unknown => [
    pod.metadata.deletionTimestamp,
    pod.metadata.labels,
    pod.spec.nodeName,
    pod.spec.hostname,
    pod.spec.subdomain,
    pod.status?.phase,
    podIps(pod),
    pod.status?.conditions?.find((condition) => condition.type === 'Ready')?.status,
  ];
  return JSON.stringify(facts(old)) !== JSON.stringify(facts(now));
}
