import {
  FieldPath,
  field,
  isDns1123Label,
  isDns1123Subdomain,
  isIPv4,
  isIPv6,
  isQualifiedName,
  isValidIP,
  isValidLabelValue,
} from '@kubelab/apimachinery';
import type { V1EndpointAddress, V1EndpointSlice, V1Endpoints } from '../generated/types.js';
import { type Errors, each, immutable, invalidAll, list, portNumber, requiredEnum } from './common.js';
import { validateNonSpecialIp } from './service.js';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

function validateAddress(a: V1EndpointAddress, path: FieldPath, errors: Errors): void {
  const messages = isValidIP(a.ip ?? '');
  invalidAll(path.child('ip'), a.ip ?? '', messages, errors);
  if (a.hostname) invalidAll(path.child('hostname'), a.hostname, isDns1123Label(a.hostname), errors);
  if (a.nodeName !== undefined && isDns1123Subdomain(a.nodeName).length > 0) {
    errors.push(...isDns1123Subdomain(a.nodeName).map((m) => field.invalid(path.child('nodeName'), a.nodeName, m)));
  }
  if (messages.length === 0) validateNonSpecialIp(a.ip, path.child('ip'), errors);
}

/** Checks Endpoints. */
export function validateEndpoints(endpoints: V1Endpoints): Errors {
  const errors: Errors = [];
  each(endpoints.subsets, (s, i) => {
    const p = FieldPath.of('subsets').index(i);
    if (list(s.addresses).length === 0 && list(s.notReadyAddresses).length === 0) {
      errors.push(field.required(p, 'must specify `addresses` or `notReadyAddresses`'));
    }
    each(s.addresses, (a, j) => validateAddress(a, p.child('addresses').index(j), errors));
    each(s.notReadyAddresses, (a, j) => validateAddress(a, p.child('notReadyAddresses').index(j), errors));
    const named = list(s.ports).length > 1;
    each(s.ports, (port, j) => {
      const pp = p.child('ports').index(j);
      if (named && !port.name) errors.push(field.required(pp.child('name'), ''));
      else if (port.name) invalidAll(pp.child('name'), port.name, isDns1123Label(port.name), errors);
      portNumber(port.port, pp.child('port'), errors);
      requiredEnum(port.protocol, PROTOCOLS, pp.child('protocol'), errors);
      if (port.appProtocol)
        invalidAll(pp.child('appProtocol'), port.appProtocol, isQualifiedName(port.appProtocol), errors);
    });
  });
  return errors;
}

function validateSliceAddress(address: string, type: string, path: FieldPath, errors: Errors): void {
  if (type === 'IPv4') {
    if (!isIPv4(address)) errors.push(field.invalid(path, address, 'must be a valid IPv4 address'));
    else validateNonSpecialIp(address, path, errors);
  } else if (type === 'IPv6') {
    if (!isIPv6(address)) errors.push(field.invalid(path, address, 'must be a valid IPv6 address'));
    else validateNonSpecialIp(address, path, errors);
  } else if (type === 'FQDN') invalidAll(path, address, isDns1123Subdomain(address), errors);
}

/** Checks an endpoint slice. */
export function validateEndpointSlice(slice: V1EndpointSlice): Errors {
  const errors: Errors = [];
  const type = slice.addressType;
  if (!type) errors.push(field.required('addressType', ''));
  else if (!['FQDN', 'IPv4', 'IPv6'].includes(type))
    errors.push(field.notSupported('addressType', type, ['FQDN', 'IPv4', 'IPv6']));
  const path = FieldPath.of('endpoints');
  if (list(slice.endpoints).length > 1000) {
    errors.push(field.tooMany(path, list(slice.endpoints).length, 1000));
    return errors;
  }
  each(slice.endpoints, (e, i) => {
    const p = path.index(i);
    const addresses = list(e.addresses);
    if (addresses.length === 0) errors.push(field.required(p.child('addresses'), 'must contain at least 1 address'));
    else if (addresses.length > 100) errors.push(field.tooMany(p.child('addresses'), addresses.length, 100));
    each(addresses, (a, j) => validateSliceAddress(a, type, p.child('addresses').index(j), errors));
    if (e.nodeName !== undefined) invalidAll(p.child('nodeName'), e.nodeName, isDns1123Subdomain(e.nodeName), errors);
    if (e.zone !== undefined) invalidAll(p.child('zone'), e.zone, isValidLabelValue(e.zone), errors);
    if (e.hostname !== undefined) invalidAll(p.child('hostname'), e.hostname, isDns1123Label(e.hostname), errors);
    if (list(e.hints?.forZones).length > 8) {
      errors.push(field.tooMany(p.child('hints', 'forZones'), list(e.hints?.forZones).length, 8));
    }
  });
  const names = new Set<string>();
  each(slice.ports, (port, i) => {
    const p = FieldPath.of('ports').index(i);
    const name = port.name ?? '';
    if (name) invalidAll(p.child('name'), name, isDns1123Label(name), errors);
    if (names.has(name)) errors.push(field.duplicate(p.child('name'), name));
    names.add(name);
    requiredEnum(port.protocol, PROTOCOLS, p.child('protocol'), errors);
    if (port.port !== undefined) portNumber(port.port, p.child('port'), errors);
    if (port.appProtocol)
      invalidAll(p.child('appProtocol'), port.appProtocol, isQualifiedName(port.appProtocol), errors);
  });
  return errors;
}

/** Checks an update of an endpoint slice: the type of its addresses stays. */
export function validateEndpointSliceUpdate(slice: V1EndpointSlice, old: V1EndpointSlice): Errors {
  const errors = validateEndpointSlice(slice);
  immutable(slice.addressType, old.addressType, FieldPath.of('addressType'), errors);
  return errors;
}
