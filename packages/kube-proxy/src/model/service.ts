import type { V1Service } from '@kubelab/api';
import { familyOf, familyOfCidr } from './address.js';
import type { IpFamily, Protocol, ServicePort } from './types.js';

/** Services with this label are left to another proxy (well-known label). */
export const proxyNameLabel = 'service.kubernetes.io/service-proxy-name';

/** Called for a part of a Service that can't be programmed: an event and a log line, the rest goes on. */
export type Complain = (service: V1Service, message: string) => void;

/** ExternalName and headless Services have no rules; their names are answered by DNS alone. */
export function isProxied(s: V1Service): boolean {
  const ip = s.spec?.clusterIP;
  if (s.metadata?.labels?.[proxyNameLabel] !== undefined) return false;
  return s.spec?.type !== 'ExternalName' && ip !== undefined && ip !== '' && ip !== 'None';
}

/** The ports of a Service in one family; none if it is not proxied or has no address of that family. */
export function servicePorts(s: V1Service, family: IpFamily, complain: Complain): ServicePort[] {
  const spec = s.spec;
  const { name = '', namespace = '' } = s.metadata ?? {};
  if (!spec || !isProxied(s)) return [];
  const clusterIP = [...(spec.clusterIPs ?? []), spec.clusterIP ?? ''].find((ip) => familyOf(ip) === family);
  if (!clusterIP) return [];

  const ofFamily = (ips: string[], what: string) =>
    ips.filter((ip) => {
      const f = familyOf(ip);
      if (!f) complain(s, `invalid ${what} ${JSON.stringify(ip)}`);
      return f === family;
    });
  const isLoadBalancer = spec.type === 'LoadBalancer';
  const ingress = isLoadBalancer ? (s.status?.loadBalancer?.ingress ?? []) : [];
  // ipMode Proxy means that the load balancer itself must see even traffic from inside the cluster (KEP-1860).
  const vips = ingress.filter((i) => i.ip && (i.ipMode ?? 'VIP') === 'VIP').map((i) => i.ip ?? '');
  const ranges = (spec.loadBalancerSourceRanges ?? []).map((r) => r.trim());
  const isExternalLocal =
    spec.externalTrafficPolicy === 'Local' &&
    (isLoadBalancer || spec.type === 'NodePort' || (spec.externalIPs ?? []).length > 0);
  const base = {
    namespace,
    name,
    clusterIP,
    externalIPs: ofFamily(spec.externalIPs ?? [], 'externalIPs entry'),
    loadBalancerVIPs: ofFamily(vips, 'load balancer address'),
    sourceRanges: ranges.filter((r) => {
      const f = familyOfCidr(r);
      if (!f) complain(s, `invalid loadBalancerSourceRanges entry ${JSON.stringify(r)}`);
      return f === family;
    }),
    affinitySeconds:
      spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800) : undefined,
    internalPolicyLocal: spec.internalTrafficPolicy === 'Local',
    externalPolicyLocal: isExternalLocal,
    healthCheckNodePort: isLoadBalancer && isExternalLocal ? (spec.healthCheckNodePort ?? 0) : 0,
  };
  return (spec.ports ?? []).map((p) => {
    const protocol = (p.protocol ?? 'TCP').toLowerCase() as Protocol;
    const portName = p.name ?? '';
    const displayName = `${namespace}/${name}${portName ? `:${portName}` : ''}`;
    return {
      ...base,
      key: `${displayName}/${protocol}`,
      displayName,
      portName,
      protocol,
      port: p.port,
      nodePort: p.nodePort ?? 0,
    };
  });
}
