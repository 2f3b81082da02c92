import { base32Sha256 } from '../model/hash.js';
import type { Endpoint, ServicePort } from '../model/types.js';

/** The kernel's names have at most 256 characters; 16 of them are left to the prefixes. */
const maxBaseLength = 240;

/** The name with the first 8 characters of its hash before it, so that what is cut off can't make two names one. */
function withHash(name: string): string {
  const full = `${base32Sha256(name, 8)}-${name}`;
  return full.length > maxBaseLength ? `${full.slice(0, maxBaseLength - 3)}...` : full;
}

const plainName = (p: ServicePort) => `${p.namespace}/${p.name}/${p.protocol}/${p.portName}`;

/** Chains of one service port, as kube-proxy calls them: `service-ULMVA6XW-ns1/svc1/tcp/p80`. */
export interface ServicePortChains {
  /** Endpoints of the cluster. */
  service: string;
  /** Endpoints of this node. */
  local: string;
  /** Node ports, external and load balancer addresses. */
  external: string;
  /** Load balancer source ranges. */
  firewall: string;
}

export function servicePortChains(p: ServicePort): ServicePortChains {
  const base = withHash(plainName(p));
  return {
    service: `service-${base}`,
    local: `local-${base}`,
    external: `external-${base}`,
    firewall: `firewall-${base}`,
  };
}

/** The chain of an endpoint of a service port, and the set of its clients: `endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80`. */
export function endpointNames(p: ServicePort, e: Endpoint): { chain: string; clients: string } {
  // A colon may not be in a name.
  const base = withHash(`${plainName(p)}__${e.ip.replaceAll(':', '.')}/${e.port}`);
  return { chain: `endpoint-${base}`, clients: `affinity-${base}` };
}
