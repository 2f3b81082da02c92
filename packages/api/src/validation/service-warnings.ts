import { FieldPath, isIPv6, isValidCIDR, isValidIP } from '@kubelab/apimachinery';
import type { V1Service } from '../generated/types.js';
import { list } from './common.js';
import { canonicalIp, cidrFacts } from './ip-text.js';

const SPEC = FieldPath.of('spec');
const topologyModeAnnotation = 'service.kubernetes.io/topology-mode';
const topologyHintsAnnotation = 'service.kubernetes.io/topology-aware-hints';

/** IPv6 has many spellings; programs that compare texts know the canonical one only. */
function ipWarnings(path: FieldPath, ip: string): string[] {
  if (!isIPv6(ip) || isValidIP(ip).length > 0 || canonicalIp(ip) === ip) return [];
  const mapped = /^::ffff:(?:\d+\.){3}\d+$/i.exec(ip);
  if (mapped) {
    const better = ip.slice('::ffff:'.length);
    return [
      `${path}: non-standard IP address "${ip}" will be considered invalid in a future Kubernetes release: use "${better}"`,
    ];
  }
  return [`${path}: IPv6 address "${ip}" should be in RFC 5952 canonical format ("${canonicalIp(ip)}")`];
}

function cidrWarnings(path: FieldPath, cidr: string): string[] {
  if (isValidCIDR(cidr).length > 0) return [];
  const { network, host, canonical } = cidrFacts(cidr);
  if (network !== undefined) {
    return [`${path}: CIDR value "${cidr}" is ambiguous in this context (should be "${network}" or "${host}"?)`];
  }
  return canonical === cidr
    ? []
    : [`${path}: IPv6 CIDR value "${cidr}" should be in RFC 5952 canonical format ("${canonical}")`];
}

function headlessWarnings(service: V1Service): string[] {
  const spec = service.spec ?? {};
  if (spec.type !== 'ClusterIP' || spec.clusterIP !== 'None') return [];
  return [
    ...(spec.loadBalancerIP ? ['spec.loadBalancerIP is ignored for headless services'] : []),
    ...(list(spec.externalIPs).length > 0 ? ['spec.externalIPs is ignored for headless services'] : []),
    ...(spec.sessionAffinity !== 'None' ? ['spec.SessionAffinity is ignored for headless services'] : []),
  ];
}

/** What a client is told about a Service that is valid but not what it may seem (pkg/api/service/warnings.go). */
export function serviceWarnings(service: V1Service): string[] {
  const spec = service.spec ?? {};
  const warnings: string[] = [];
  if (service.metadata?.annotations?.[topologyHintsAnnotation] !== undefined) {
    warnings.push(`annotation ${topologyHintsAnnotation} is deprecated, please use ${topologyModeAnnotation} instead`);
  }
  if (spec.clusterIP && spec.clusterIP !== 'None') {
    list(spec.clusterIPs).forEach((ip, i) => {
      warnings.push(...ipWarnings(SPEC.child('clusterIPs').index(i), ip));
    });
  }
  warnings.push(...headlessWarnings(service));
  list(spec.externalIPs).forEach((ip, i) => {
    warnings.push(...ipWarnings(SPEC.child('externalIPs').index(i), ip));
  });
  if (spec.loadBalancerIP) warnings.push(...ipWarnings(SPEC.child('loadBalancerIP'), spec.loadBalancerIP));
  list(spec.loadBalancerSourceRanges).forEach((cidr, i) => {
    warnings.push(...cidrWarnings(SPEC.child('loadBalancerSourceRanges').index(i), cidr));
  });
  const named = spec.type === 'ExternalName';
  if (named && list(spec.externalIPs).length > 0) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (!named && spec.externalName) warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  return warnings;
}
