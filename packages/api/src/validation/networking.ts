import {
  FieldPath,
  field,
  isDns1123Subdomain,
  isPathSegmentName,
  isValidCIDR,
  isValidIP,
  isValidPortName,
  isWildcardDns1123Subdomain,
  validateLabelSelector,
} from '@kubelab/apimachinery';
import type {
  V1Ingress,
  V1IngressBackend,
  V1IngressClass,
  V1IPAddress,
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
  V1ServiceCIDR,
} from '../generated/types.js';
import {
  type Errors,
  each,
  fieldImmutableErrorMsg,
  immutable,
  invalidAll,
  list,
  portNumber,
  requiredEnum,
} from './common.js';
import { canonicalIp, cidrFacts } from './ip-text.js';

const SPEC = FieldPath.of('spec');

function validateBackend(backend: V1IngressBackend | undefined, path: FieldPath, errors: Errors): void {
  const service = backend?.service;
  if (backend?.resource) {
    if (service) {
      errors.push(field.invalid(path, '', 'cannot set both resource and service backends'));
      return;
    }
    if (!backend.resource.kind) errors.push(field.required(path.child('resource', 'kind'), ''));
    if (!backend.resource.name) errors.push(field.required(path.child('resource', 'name'), ''));
    return;
  }
  if (!service) {
    errors.push(field.required(path, 'resource or service backend is required'));
    return;
  }
  const name = path.child('service', 'name');
  if (!service.name) errors.push(field.required(name, ''));
  else invalidAll(name, service.name, isDns1123Subdomain(service.name), errors);
  const port = path.child('service', 'port');
  const hasName = Boolean(service.port?.name);
  const hasNumber = Boolean(service.port?.number);
  if (hasName && hasNumber) errors.push(field.invalid(path, '', 'cannot set both port name & port number'));
  else if (hasName)
    invalidAll(port.child('name'), service.port?.name, isValidPortName(service.port?.name ?? ''), errors);
  else if (hasNumber) portNumber(service.port?.number, port.child('number'), errors);
  else errors.push(field.required(path, 'port name or number is required'));
}

function validateHttpPath(
  p: { path?: string; pathType?: string; backend?: V1IngressBackend },
  path: FieldPath,
  errors: Errors,
): void {
  const where = path.child('path');
  const type = p.pathType;
  if (!type) errors.push(field.required(path.child('pathType'), 'pathType must be specified'));
  else if (type === 'Exact' || type === 'Prefix') {
    if (!p.path?.startsWith('/')) errors.push(field.invalid(where, p.path ?? '', 'must be an absolute path'));
    for (const bad of ['//', '/./', '/../', '%2f', '%2F']) {
      if (p.path?.includes(bad)) errors.push(field.invalid(where, p.path, `must not contain '${bad}'`));
    }
    for (const bad of ['/..', '/.']) {
      if (p.path?.endsWith(bad)) errors.push(field.invalid(where, p.path, `cannot end with '${bad}'`));
    }
  } else if (type === 'ImplementationSpecific') {
    if (p.path && !p.path.startsWith('/')) errors.push(field.invalid(where, p.path, 'must be an absolute path'));
  } else {
    errors.push(field.notSupported(path.child('pathType'), type, ['Exact', 'Prefix', 'ImplementationSpecific']));
  }
  validateBackend(p.backend, path.child('backend'), errors);
}

/** Checks an ingress. */
export function validateIngress(ingress: V1Ingress): Errors {
  const errors: Errors = [];
  const spec = ingress.spec ?? {};
  if (list(spec.rules).length === 0 && !spec.defaultBackend) {
    errors.push(field.invalid(SPEC, spec.rules ?? [], 'either `defaultBackend` or `rules` must be specified'));
  }
  if (spec.defaultBackend) validateBackend(spec.defaultBackend, SPEC.child('defaultBackend'), errors);
  each(spec.rules, (rule, i) => {
    const p = SPEC.child('rules').index(i);
    if (rule.host) {
      const host = p.child('host');
      if (isValidIP(rule.host).length === 0)
        errors.push(field.invalid(host, rule.host, 'must be a DNS name, not an IP address'));
      if (rule.host.includes('*')) invalidAll(host, rule.host, isWildcardDns1123Subdomain(rule.host), errors);
      else invalidAll(host, rule.host, isDns1123Subdomain(rule.host), errors);
    }
    if (!rule.http) return;
    if (list(rule.http.paths).length === 0) errors.push(field.required(p.child('http', 'paths'), ''));
    each(rule.http.paths, (x, j) => validateHttpPath(x, p.child('http', 'paths').index(j), errors));
  });
  each(spec.tls, (tls, i) => {
    const p = SPEC.child('tls').index(i);
    each(tls.hosts, (host, j) => {
      const messages = host.includes('*') ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host);
      invalidAll(p.child('hosts').index(j), host, messages, errors);
    });
    if (tls.secretName) invalidAll(p.child('secretName'), tls.secretName, isDns1123Subdomain(tls.secretName), errors);
  });
  if (spec.ingressClassName !== undefined) {
    invalidAll(
      SPEC.child('ingressClassName'),
      spec.ingressClassName,
      isDns1123Subdomain(spec.ingressClassName),
      errors,
    );
  }
  if (
    spec.ingressClassName !== undefined &&
    ingress.metadata?.annotations?.['kubernetes.io/ingress.class'] !== undefined
  ) {
    if (ingress.metadata.resourceVersion === undefined) {
      errors.push(
        field.invalid(
          FieldPath.of('metadata', 'annotations').key('kubernetes.io/ingress.class'),
          ingress.metadata.annotations['kubernetes.io/ingress.class'],
          'can not be set when the class field is also set',
        ),
      );
    }
  }
  return errors;
}

/** Checks an ingress class. */
export function validateIngressClass(c: V1IngressClass): Errors {
  const errors: Errors = [];
  const controller = c.spec?.controller ?? '';
  const p = SPEC.child('controller');
  if (controller.length > 250) errors.push(field.tooLong(p, controller, 250));
  const slash = controller.indexOf('/');
  if (controller === '') errors.push(field.required(p, ''));
  else if (slash <= 0 || slash === controller.length - 1) {
    errors.push(field.invalid(p, controller, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  }
  const parameters = c.spec?.parameters;
  if (parameters) {
    const pp = SPEC.child('parameters');
    if (!parameters.kind) errors.push(field.required(pp.child('kind'), ''));
    if (!parameters.name) errors.push(field.required(pp.child('name'), ''));
    requiredEnum(parameters.scope, ['Cluster', 'Namespace'], pp.child('scope'), errors);
    if (parameters.scope === 'Namespace' && !parameters.namespace) {
      errors.push(field.required(pp.child('namespace'), "`parameters.scope` is set to 'Namespace'"));
    }
    if (parameters.scope === 'Cluster' && parameters.namespace) {
      errors.push(field.forbidden(pp.child('namespace'), "`parameters.scope` is set to 'Cluster'"));
    }
  }
  return errors;
}

/** Checks an update of an ingress class: its controller stays. */
export function validateIngressClassUpdate(c: V1IngressClass, old: V1IngressClass): Errors {
  const errors = validateIngressClass(c);
  immutable(c.spec?.controller, old.spec?.controller, SPEC.child('controller'), errors);
  return errors;
}

function validatePolicyPorts(ports: V1NetworkPolicyPort[] | undefined, path: FieldPath, errors: Errors): void {
  each(ports, (port, i) => {
    const p = path.index(i);
    if (port.protocol !== undefined && !['SCTP', 'TCP', 'UDP'].includes(port.protocol)) {
      errors.push(field.notSupported(p.child('protocol'), port.protocol, ['SCTP', 'TCP', 'UDP']));
    }
    if (typeof port.port === 'number') {
      portNumber(port.port, p.child('port'), errors);
      if (port.endPort !== undefined) {
        portNumber(port.endPort, p.child('endPort'), errors);
        if (port.endPort < port.port) {
          errors.push(field.invalid(p.child('endPort'), port.endPort, `must be greater than or equal to \`port\``));
        }
      }
    } else if (typeof port.port === 'string') {
      invalidAll(p.child('port'), port.port, isValidPortName(port.port), errors);
      if (port.endPort !== undefined)
        errors.push(field.required(p.child('endPort'), 'may not be specified when `port` is non-numeric'));
    } else if (port.endPort !== undefined) {
      errors.push(field.required(p.child('endPort'), 'may not be specified when `port` is not specified'));
    }
  });
}

function validatePeers(peers: V1NetworkPolicyPeer[] | undefined, path: FieldPath, errors: Errors): void {
  each(peers, (peer, i) => {
    const p = path.index(i);
    const kinds = [peer.podSelector, peer.namespaceSelector, peer.ipBlock].filter(Boolean).length;
    if (peer.podSelector) errors.push(...validateLabelSelector(peer.podSelector, p.child('podSelector')));
    if (peer.namespaceSelector)
      errors.push(...validateLabelSelector(peer.namespaceSelector, p.child('namespaceSelector')));
    if (peer.ipBlock) {
      const bp = p.child('ipBlock');
      const { cidr, except } = peer.ipBlock;
      if (!cidr) errors.push(field.required(bp.child('cidr'), ''));
      else invalidAll(bp.child('cidr'), cidr, isValidCIDR(cidr), errors);
      each(except, (e, j) => {
        const messages = isValidCIDR(e);
        invalidAll(bp.child('except').index(j), e, messages, errors);
        if (messages.length === 0 && cidr && Number(e.split('/')[1]) <= Number(cidr.split('/')[1])) {
          errors.push(field.invalid(bp.child('except').index(j), e, 'must be a strict subset of `cidr`'));
        }
      });
    }
    if (kinds === 0) errors.push(field.required(p, 'must specify a peer'));
    else if (peer.ipBlock && kinds > 1) {
      errors.push(field.forbidden(p, 'may not specify both ipBlock and another peer'));
    }
  });
}

/** Checks a network policy. */
export function validateNetworkPolicy(policy: V1NetworkPolicy): Errors {
  const errors: Errors = [];
  const spec = policy.spec;
  errors.push(...validateLabelSelector(spec?.podSelector, SPEC.child('podSelector')));
  each(spec?.ingress, (rule, i) => {
    const p = SPEC.child('ingress').index(i);
    validatePolicyPorts(rule.ports, p.child('ports'), errors);
    validatePeers(rule.from, p.child('from'), errors);
  });
  each(spec?.egress, (rule, i) => {
    const p = SPEC.child('egress').index(i);
    validatePolicyPorts(rule.ports, p.child('ports'), errors);
    validatePeers(rule.to, p.child('to'), errors);
  });
  if (list(spec?.policyTypes).length > 2) {
    errors.push(
      field.invalid(SPEC.child('policyTypes'), spec?.policyTypes, 'may not specify more than two policyTypes'),
    );
    return errors;
  }
  each(spec?.policyTypes, (t, i) => {
    if (t !== 'Ingress' && t !== 'Egress') {
      errors.push(field.notSupported(SPEC.child('policyTypes').index(i), t, ['Egress', 'Ingress']));
    }
  });
  return errors;
}

/** Checks an IP address object: it belongs to something. */
export function validateIpAddress(ip: V1IPAddress): Errors {
  const errors: Errors = [];
  const ref = ip.spec?.parentRef;
  const p = SPEC.child('parentRef');
  if (!ref) {
    errors.push(field.required(p, ''));
    return errors;
  }
  if (ref.group) invalidAll(p.child('group'), ref.group, isDns1123Subdomain(ref.group), errors);
  for (const name of ['resource', 'name'] as const) {
    if (!ref[name]) errors.push(field.required(p.child(name), ''));
    else invalidAll(p.child(name), ref[name], isPathSegmentName(ref[name]), errors);
  }
  if (ref.namespace) invalidAll(p.child('namespace'), ref.namespace, isPathSegmentName(ref.namespace), errors);
  return errors;
}

/** Checks an update of an IP address object: whose it is stays. */
export function validateIpAddressUpdate(ip: V1IPAddress, old: V1IPAddress): Errors {
  const errors: Errors = [];
  immutable(ip.spec?.parentRef, old.spec?.parentRef, SPEC.child('parentRef'), errors);
  return errors;
}

/** The name of an IP address object is the address in its canonical form. */
export function ipAddressName(name: string): string[] {
  const messages = isValidIP(name);
  return messages.length > 0 || canonicalIp(name) === name
    ? messages
    : [`must be in canonical form ("${canonicalIp(name)}")`];
}

/** No spelling but the canonical one, and no bits behind the prefix. */
function canonicalCidr(cidr: string, path: FieldPath, errors: Errors): void {
  const messages = isValidCIDR(cidr);
  invalidAll(path, cidr, messages, errors);
  if (messages.length > 0) return;
  const { network, canonical } = cidrFacts(cidr);
  if (network !== undefined) {
    errors.push(field.invalid(path, cidr, 'must not have bits set beyond the prefix length'));
  } else if (canonical !== cidr) {
    errors.push(field.invalid(path, cidr, `must be in canonical form ("${canonical}")`));
  }
}

/** Checks a service CIDR: one range a family at most. */
export function validateServiceCidr(cidr: V1ServiceCIDR): Errors {
  const errors: Errors = [];
  const p = SPEC.child('cidrs');
  const cidrs = list(cidr.spec?.cidrs);
  if (cidrs.length === 0) {
    return [field.required(p, 'at least one CIDR required')];
  }
  if (cidrs.length > 2) {
    return [field.invalid(p, cidr.spec, 'may only hold up to 2 values')];
  }
  const valid = cidrs.every((c) => isValidCIDR(c).length === 0);
  if (cidrs.length === 2 && (!valid || cidrs[0]?.includes(':') === cidrs[1]?.includes(':'))) {
    const detail = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    return [field.invalid(p, cidr.spec, detail)];
  }
  each(cidrs, (c, i) => canonicalCidr(c, p.index(i), errors));
  return errors;
}

/** Checks an update of a service CIDR: ranges stay, but a second family may come. */
export function validateServiceCidrUpdate(cidr: V1ServiceCIDR, old: V1ServiceCIDR): Errors {
  const errors: Errors = [];
  const p = SPEC.child('cidrs');
  const [now, was] = [list(cidr.spec?.cidrs), list(old.spec?.cidrs)];
  const grows = was.length === 1 && now.length === 2;
  if (now.length !== was.length && !grows) {
    return [field.invalid(p, now, fieldImmutableErrorMsg)];
  }
  was.forEach((before, i) => {
    if (now[i] !== before) errors.push(field.invalid(p.index(i), now[i], fieldImmutableErrorMsg));
  });
  return errors.length === 0 && grows ? validateServiceCidr(cidr) : errors;
}
