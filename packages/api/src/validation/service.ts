import {
  FieldPath,
  field,
  isDns1123Label,
  isDns1123Subdomain,
  isIPv4,
  isQualifiedName,
  isValidCIDR,
  isValidIP,
  validateLabels,
} from '@kubelab/apimachinery';
import type { V1Service, V1ServicePort, V1ServiceSpec } from '../generated/types.js';
import {
  type Errors,
  each,
  invalidAll,
  list,
  optionalEnum,
  portNumber,
  portNumOrName,
  requiredEnum,
} from './common.js';

const SPEC = FieldPath.of('spec');
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';
/** The last two are alpha in Kubernetes 1.33; here they are followed, so they are taken. */
const DISTRIBUTIONS = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

/** An IP address that traffic can be sent to: not unspecified, loopback or link-local. */
export function validateNonSpecialIp(ip: string, path: FieldPath, errors: Errors): void {
  const messages = isValidIP(ip);
  invalidAll(path, ip, messages, errors);
  if (messages.length > 0) return;
  const lower = ip.toLowerCase();
  if (ip === '0.0.0.0' || /^[0:]+$/.test(lower)) {
    errors.push(field.invalid(path, ip, `may not be unspecified (${ip})`));
  }
  if (ip.startsWith('127.') || lower === '::1') {
    errors.push(field.invalid(path, ip, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'));
  }
  if (ip.startsWith('169.254.') || lower.startsWith('fe80:')) {
    errors.push(field.invalid(path, ip, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'));
  }
  if (/^224\.0\.0\./.test(ip) || lower.startsWith('ff02:')) {
    errors.push(field.invalid(path, ip, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'));
  }
}

function validatePort(
  port: V1ServicePort,
  spec: V1ServiceSpec,
  names: Set<string>,
  path: FieldPath,
  errors: Errors,
): void {
  const needName = list(spec.ports).length > 1;
  if (needName && !port.name) errors.push(field.required(path.child('name'), ''));
  else if (port.name) {
    invalidAll(path.child('name'), port.name, isDns1123Label(port.name), errors);
    if (names.has(port.name)) errors.push(field.duplicate(path.child('name'), port.name));
    names.add(port.name);
  }
  portNumber(port.port, path.child('port'), errors);
  requiredEnum(port.protocol, ['SCTP', 'TCP', 'UDP'], path.child('protocol'), errors);
  portNumOrName(port.targetPort, path.child('targetPort'), errors);
  if (port.appProtocol !== undefined) {
    invalidAll(path.child('appProtocol'), port.appProtocol, isQualifiedName(port.appProtocol), errors);
  }
}

function validatePorts(spec: V1ServiceSpec, errors: Errors): void {
  const path = SPEC.child('ports');
  const headless = spec.clusterIP === 'None';
  if (list(spec.ports).length === 0 && !headless && spec.type !== 'ExternalName') errors.push(field.required(path, ''));
  const names = new Set<string>();
  const pairs = new Set<string>();
  const nodePorts = new Set<string>();
  each(spec.ports, (port, i) => {
    const p = path.index(i);
    validatePort(port, spec, names, p, errors);
    const pair = `${port.protocol}/${port.port}`;
    if (pairs.has(pair)) {
      // Kubernetes shows the key that it compares: a port of its internal type, in which nothing else is set.
      const { protocol: Protocol, port: Port } = port;
      errors.push(field.duplicate(p, { Name: '', Protocol, AppProtocol: null, Port, TargetPort: 0, NodePort: 0 }));
    }
    pairs.add(pair);
    if (port.nodePort) {
      if (spec.type === 'ClusterIP') {
        errors.push(field.forbidden(p.child('nodePort'), "may not be used when `type` is 'ClusterIP'"));
      }
      const key = `${port.protocol}/${port.nodePort}`;
      if (nodePorts.has(key)) errors.push(field.duplicate(p.child('nodePort'), port.nodePort));
      nodePorts.add(key);
    }
  });
}

/** Checks the cluster IPs and families of a service, before addresses are given to it. */
export function validateServiceAddresses(service: V1Service): Errors {
  const errors: Errors = [];
  validateAddresses(service.spec ?? {}, errors);
  return errors;
}

/** Each address is of the family that is said for it. */
function validateFamilies(spec: V1ServiceSpec, errors: Errors): void {
  const path = SPEC.child('ipFamilies');
  const families = list(spec.ipFamilies);
  if (families.length > 2) errors.push(field.invalid(path, families, 'may only hold up to 2 values'));
  families.forEach((family, i) => {
    if (!['IPv4', 'IPv6'].includes(family)) errors.push(field.notSupported(path.index(i), family, ['IPv4', 'IPv6']));
    else if (families.indexOf(family) < i) errors.push(field.duplicate(path.index(i), family));
  });
  if (spec.clusterIP === 'None') return;
  list(spec.clusterIPs).forEach((ip, i) => {
    const family = families[i];
    if (family && ip && isValidIP(ip).length === 0 && family !== (isIPv4(ip) ? 'IPv4' : 'IPv6')) {
      const detail = `expected an ${family} value as indicated by \`ipFamilies[${i}]\``;
      errors.push(field.invalid(SPEC.child('clusterIPs').index(i), ip, detail));
    }
  });
}

function validateAddresses(spec: V1ServiceSpec, errors: Errors): void {
  const ips = list(spec.clusterIPs);
  const path = SPEC.child('clusterIPs');
  if (spec.type === 'ExternalName') {
    const detail = 'may not be set for ExternalName services';
    if (ips.length > 0) errors.push(field.forbidden(path, detail));
    if (list(spec.ipFamilies).length > 0) errors.push(field.forbidden(SPEC.child('ipFamilies'), detail));
    if (spec.ipFamilyPolicy) errors.push(field.forbidden(SPEC.child('ipFamilyPolicy'), detail));
    return;
  }
  if (spec.clusterIP && ips.length === 0) {
    errors.push(field.required(path, ''));
  } else if (!spec.clusterIP && ips.length > 0) {
    errors.push(field.invalid(path, ips, 'must be empty when `clusterIP` is not specified'));
  } else if (ips.length > 0 && spec.clusterIP !== ips[0]) {
    errors.push(field.invalid(path, ips, 'first value must match `clusterIP`'));
  }
  ips.forEach((ip, i) => {
    if (i === 0 && ip === 'None') {
      if (ips.length > 1) errors.push(field.invalid(path, ips, "'None' must be the first and only value"));
      return;
    }
    if (ip !== '') invalidAll(path.index(i), ip, isValidIP(ip), errors);
  });
  if (ips.length > 2) {
    errors.push(field.invalid(path, ips, 'may only hold up to 2 values'));
  }
  if (ips.length === 2 && ips[0] && ips[1] && isIPv4(ips[0]) === isIPv4(ips[1])) {
    errors.push(field.invalid(path, ips, 'may specify no more than one IP for each IP family'));
  }
  validateFamilies(spec, errors);
  optionalEnum(
    spec.ipFamilyPolicy,
    ['PreferDualStack', 'RequireDualStack', 'SingleStack'],
    SPEC.child('ipFamilyPolicy'),
    errors,
  );
}

function validateType(spec: V1ServiceSpec, errors: Errors): void {
  if (!spec.type) errors.push(field.required(SPEC.child('type'), ''));
  else if (!TYPES.includes(spec.type)) errors.push(field.notSupported(SPEC.child('type'), spec.type, TYPES));
  if (spec.type === 'ExternalName') {
    const name = (spec.externalName ?? '').replace(/\.$/, '');
    const p = SPEC.child('externalName');
    if (name === '') errors.push(field.required(p, ''));
    else invalidAll(p, name, isDns1123Subdomain(name), errors);
  }
  if (spec.type === 'LoadBalancer') {
    each(spec.ports, (port, i) => {
      if (port.port === 10250) {
        errors.push(
          field.invalid(
            SPEC.child('ports').index(i),
            port.port,
            'may not expose port 10250 externally since it is used by kubelet',
          ),
        );
      }
    });
    if (spec.clusterIP === 'None') {
      errors.push(
        field.invalid(SPEC.child('clusterIPs').index(0), 'None', "may not be set to 'None' for LoadBalancer services"),
      );
    }
  }
  if (spec.type === 'NodePort' && spec.clusterIP === 'None') {
    errors.push(
      field.invalid(SPEC.child('clusterIPs').index(0), 'None', "may not be set to 'None' for NodePort services"),
    );
  }
}

/** What only load balancers have. */
function validateLoadBalancer(service: V1Service, errors: Errors): void {
  const spec = service.spec ?? {};
  const onlyThere = (path: FieldPath) => {
    if (spec.type !== 'LoadBalancer')
      errors.push(field.forbidden(path, "may only be used when `type` is 'LoadBalancer'"));
  };
  const annotated = service.metadata?.annotations?.[SOURCE_RANGES];
  if (list(spec.loadBalancerSourceRanges).length > 0) {
    // Written so in Kubernetes, too.
    const p = SPEC.child('LoadBalancerSourceRanges');
    onlyThere(p);
    each(spec.loadBalancerSourceRanges, (r, i) => invalidAll(p.index(i), r, isValidCIDR(r.trim()), errors));
  } else if (annotated !== undefined) {
    const p = FieldPath.of('metadata', 'annotations').key(SOURCE_RANGES);
    onlyThere(p);
    if (annotated.trim()) {
      for (const r of annotated.split(',')) invalidAll(p, r.trim(), isValidCIDR(r.trim()), errors);
    }
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined) onlyThere(SPEC.child('allocateLoadBalancerNodePorts'));
  if (spec.loadBalancerClass !== undefined) {
    const p = SPEC.child('loadBalancerClass');
    onlyThere(p);
    if (spec.type === 'LoadBalancer') {
      invalidAll(p, spec.loadBalancerClass, isQualifiedName(spec.loadBalancerClass), errors);
    }
  }
}

/** Two annotations for the same, of which the older one is deprecated. */
function validateTopologyAnnotations(service: V1Service, errors: Errors): void {
  const { [TOPOLOGY_MODE]: mode, [TOPOLOGY_HINTS]: hints } = service.metadata?.annotations ?? {};
  if (mode === undefined || hints === undefined || mode === hints) return;
  const detail = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`;
  errors.push(field.invalid(FieldPath.of('metadata', 'annotations').key(TOPOLOGY_MODE), mode, detail));
}

function validateTraffic(spec: V1ServiceSpec, errors: Errors): void {
  const external =
    spec.type === 'NodePort' ||
    spec.type === 'LoadBalancer' ||
    (spec.type === 'ClusterIP' && list(spec.externalIPs).length > 0);
  const policy = SPEC.child('externalTrafficPolicy');
  if (!external && spec.externalTrafficPolicy) {
    errors.push(
      field.invalid(policy, spec.externalTrafficPolicy, 'may only be set for externally-accessible services'),
    );
  } else if (external) requiredEnum(spec.externalTrafficPolicy, ['Cluster', 'Local'], policy, errors);
  const check = SPEC.child('healthCheckNodePort');
  if (spec.healthCheckNodePort) {
    if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') {
      errors.push(
        field.invalid(
          check,
          spec.healthCheckNodePort,
          "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ),
      );
    }
  }
  if (spec.type !== 'ExternalName' && spec.internalTrafficPolicy !== undefined) {
    requiredEnum(spec.internalTrafficPolicy, ['Cluster', 'Local'], SPEC.child('internalTrafficPolicy'), errors);
  }
  requiredEnum(spec.sessionAffinity, ['ClientIP', 'None'], SPEC.child('sessionAffinity'), errors);
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (spec.sessionAffinity === 'ClientIP' && seconds !== undefined && (seconds <= 0 || seconds > 86400)) {
    errors.push(
      field.invalid(
        SPEC.child('sessionAffinityConfig', 'clientIP', 'timeoutSeconds'),
        seconds,
        'must be greater than 0 and less than 86400',
      ),
    );
  }
  optionalEnum(spec.trafficDistribution, DISTRIBUTIONS, SPEC.child('trafficDistribution'), errors);
  each(spec.externalIPs, (ip, i) => validateNonSpecialIp(ip, SPEC.child('externalIPs').index(i), errors));
}

/** Checks a service; addresses and node ports that clients left open are given by the allocator before. */
export function validateService(service: V1Service): Errors {
  const errors: Errors = [];
  const spec = service.spec ?? {};
  validateTopologyAnnotations(service, errors);
  validatePorts(spec, errors);
  validateAddresses(spec, errors);
  validateType(spec, errors);
  validateLoadBalancer(service, errors);
  errors.push(...validateLabels(spec.selector, SPEC.child('selector')));
  validateTraffic(spec, errors);
  return errors;
}

/** Addresses and families stay once they are given; a second one may come, and go when its Service is to be SingleStack. */
function validateKept(now: V1ServiceSpec, was: V1ServiceSpec, errors: Errors): void {
  if (was.type === 'ExternalName' || now.type === 'ExternalName') return;
  const [ips, oldIps] = [list(now.clusterIPs), list(was.clusterIPs)];
  const [wasHeadless, isHeadless] = [oldIps[0] === 'None', ips[0] === 'None'];
  const isReleased = (what: string) =>
    errors.push(
      field.invalid(
        SPEC.child('ipFamilyPolicy'),
        now.ipFamilyPolicy ?? null,
        `must be set to 'SingleStack' when releasing the secondary ${what}`,
      ),
    );
  if (!(wasHeadless && isHeadless)) {
    const path = SPEC.child('clusterIPs');
    const changed = (i: number) => errors.push(field.invalid(path.index(i), ips, 'may not change once set'));
    if (oldIps.length > ips.length && ips.length === 0) {
      errors.push(field.invalid(path.index(0), ips, 'primary clusterIP can not be unset'));
    }
    // Of a longer or shorter list the first one alone must stay.
    const compared = oldIps.length === ips.length ? oldIps.length : Math.min(oldIps.length, ips.length, 1);
    for (let i = 0; i < compared; i++) if (ips[i] !== oldIps[i]) changed(i);
    if (oldIps.length > ips.length && ips.length === 1 && now.ipFamilyPolicy !== 'SingleStack') isReleased('clusterIP');
  }
  if (wasHeadless || isHeadless) return;
  const [families, oldFamilies] = [list(now.ipFamilies), list(was.ipFamilies)];
  const path = SPEC.child('ipFamilies').index(0);
  const compared =
    oldFamilies.length === families.length ? families.length : Math.min(oldFamilies.length, families.length, 1);
  for (let i = 0; i < compared; i++) {
    if (families[i] !== oldFamilies[i]) errors.push(field.invalid(path, families, 'may not change once set'));
  }
  if (oldFamilies.length > families.length && families.length === 1 && now.ipFamilyPolicy !== 'SingleStack') {
    isReleased('ipFamily');
  }
}

const needsHealthCheck = (spec: V1ServiceSpec) =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

/** Checks an update of a service. */
export function validateServiceUpdate(service: V1Service, old: V1Service): Errors {
  const errors: Errors = [];
  const spec = service.spec ?? {};
  const before = old.spec ?? {};
  validateKept(spec, before, errors);
  if (before.type === 'LoadBalancer' && spec.type === 'LoadBalancer') {
    immutableOnceSet(spec.loadBalancerClass, before.loadBalancerClass, SPEC.child('loadBalancerClass'), errors);
  }
  if (
    needsHealthCheck(spec) &&
    needsHealthCheck(before) &&
    (spec.healthCheckNodePort ?? 0) !== (before.healthCheckNodePort ?? 0)
  ) {
    errors.push(field.forbidden(SPEC.child('healthCheckNodePort'), 'field is immutable'));
  }
  errors.push(...validateService(service));
  return errors;
}

function immutableOnceSet(value: unknown, old: unknown, path: FieldPath, errors: Errors): void {
  if (value !== old) errors.push(field.invalid(path, value ?? null, 'may not change once set'));
}

/** Checks a status update of a service. */
export function validateServiceStatus(service: V1Service): Errors {
  const errors: Errors = [];
  const path = FieldPath.of('status', 'loadBalancer', 'ingress');
  const ingress = list(service.status?.loadBalancer?.ingress);
  if (ingress.length > 0 && service.spec?.type !== 'LoadBalancer') {
    return [field.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  ingress.forEach((entry, i) => {
    const p = path.index(i);
    const mode = p.child('ipMode');
    if (entry.ip) {
      invalidAll(p.child('ip'), entry.ip, isValidIP(entry.ip), errors);
      if (entry.ipMode === undefined) errors.push(field.required(mode, 'must be specified when `ip` is set'));
    } else if (entry.ipMode !== undefined) {
      errors.push(field.forbidden(mode, 'may not be specified when `ip` is not set'));
    }
    if (entry.ip) optionalEnum(entry.ipMode, ['Proxy', 'VIP'], mode, errors);
    if (entry.hostname) {
      invalidAll(p.child('hostname'), entry.hostname, isDns1123Subdomain(entry.hostname), errors);
      if (isValidIP(entry.hostname).length === 0) {
        errors.push(field.invalid(p.child('hostname'), entry.hostname, 'must be a DNS name, not an IP address'));
      }
    }
  });
  return errors;
}
