import type { Pod } from '../pod/types.js';

/** Linux takes 64 bytes, a DNS label 63. */
const maxLabel = 63;

export interface PodHostname {
  hostname: string;
  /** Domain of the pod's subdomain, empty without one. */
  domain: string;
}

/** Host name and domain of a pod: spec.hostname or its name, and subdomain.namespace.svc.DOMAIN. */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const hostname = pod.spec.hostname || truncate(pod.metadata.name);
  const domain = pod.spec.subdomain ? `${pod.spec.subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : '';
  return { hostname, domain };
}

/** What the kernel's host name is set to. Throws when the full name asked for is too long. */
export function sandboxHostname(pod: Pod, clusterDomain: string): string {
  const { hostname, domain } = podHostname(pod, clusterDomain);
  if (!pod.spec.setHostnameAsFQDN || !domain) return hostname;
  const full = `${hostname}.${domain}`;
  if (full.length > 64)
    throw new Error(
      `Failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (64 characters is the max, ${full.length} characters requested)`,
    );
  return full;
}

function truncate(name: string): string {
  return name.length <= maxLabel ? name : name.slice(0, maxLabel).replace(/[-.]+$/, '');
}
