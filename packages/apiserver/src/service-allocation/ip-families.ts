import { type V1Service, validateServiceAddresses } from '@kubelab/api';
import { deepEqual, type FieldError, FieldPath, field, type KubeObject } from '@kubelab/apimachinery';
import { familyOf, type IpFamily } from './address-range.js';
import { clusterIpsOf, invalidService, type ServiceSpec } from './service-spec.js';

const SPEC = FieldPath.of('spec');
const otherFamily = (family: string | undefined): IpFamily => (family === 'IPv4' ? 'IPv6' : 'IPv4');

/**
 * Fills in ipFamilyPolicy and ipFamilies (KEP-563), as registry/core/service/storage/alloc.go does.
 * @param configured the families of --service-cluster-ip-range, the default one first
 * @throws StatusError Invalid
 */
export function setIpFamilies(service: KubeObject, old: KubeObject | undefined, configured: IpFamily[]): void {
  const spec = service.spec as ServiceSpec;
  const before = old?.spec as ServiceSpec | undefined;
  // What it must not have is for validation to refuse.
  if (spec.type === 'ExternalName') return;
  // A cluster that became dual-stack (or no longer is) changes no Service that prefers it and is not changed itself.
  if (before && prefersDualStackAsBefore(spec, before)) {
    return;
  }
  const headlessWithoutSelector = isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= before?.ipFamilyPolicy ?? (headlessWithoutSelector ? 'RequireDualStack' : 'SingleStack');
  if (!before && spec.clusterIP && !spec.clusterIPs?.length) {
    spec.clusterIPs = [spec.clusterIP];
  }
  // Allocation trusts that addresses are well-formed and of the families that are said.
  refuse(service, validateServiceAddresses(service as unknown as V1Service));
  refuse(service, [...changeErrors(spec, before), ...singleStackErrors(spec)]);
  refuse(service, inferFamilies(spec, configured));

  if (headlessWithoutSelector) {
    spec.ipFamilies ??= configured.slice(0, 1);
    if (spec.ipFamilies.length < 2 && spec.ipFamilyPolicy !== 'SingleStack') {
      spec.ipFamilies = [...spec.ipFamilies, otherFamily(spec.ipFamilies[0])];
    }
    return;
  }
  refuse(service, unconfiguredErrors(spec, configured));
  if (!spec.ipFamilies?.length) {
    spec.ipFamilies = configured.slice(0, 1);
  }
  if (spec.ipFamilyPolicy !== 'SingleStack' && spec.ipFamilies.length === 1 && configured.length === 2) {
    spec.ipFamilies = [...spec.ipFamilies, otherFamily(spec.ipFamilies[0])];
  }
}

export function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIP === 'None' || spec.clusterIPs?.[0] === 'None';
}

function refuse(service: KubeObject, errors: FieldError[]): void {
  if (errors.length > 0) {
    throw invalidService(service, errors);
  }
}

function prefersDualStackAsBefore(spec: ServiceSpec, before: ServiceSpec): boolean {
  const prefers = 'PreferDualStack';
  return (
    spec.ipFamilyPolicy === prefers &&
    (before.ipFamilyPolicy ?? prefers) === prefers &&
    spec.type === before.type &&
    deepEqual(spec.clusterIPs ?? [], before.clusterIPs ?? []) &&
    deepEqual(spec.ipFamilies ?? [], before.ipFamilies ?? [])
  );
}

/** Going back to one family: what is merely carried along goes, what was left out must be meant. */
function changeErrors(spec: ServiceSpec, before: ServiceSpec | undefined): FieldError[] {
  if (!before) {
    return [];
  }
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (spec.clusterIPs && spec.clusterIPs.length > 1 && deepEqual(spec.clusterIPs, before.clusterIPs)) {
      spec.clusterIPs = spec.clusterIPs.slice(0, 1);
    }
    if (spec.ipFamilies && spec.ipFamilies.length > 1 && deepEqual(spec.ipFamilies, before.ipFamilies)) {
      spec.ipFamilies = spec.ipFamilies.slice(0, 1);
    }
    return [];
  }
  const refused = (what: string) =>
    field.invalid(
      SPEC.child('ipFamilyPolicy'),
      spec.ipFamilyPolicy,
      `must be 'SingleStack' to release the secondary ${what}`,
    );
  const reduced = (now: string[] | undefined, was: string[] | undefined) => was?.length === 2 && now?.length === 1;
  return [
    ...(reduced(spec.clusterIPs, before.clusterIPs) ? [refused('cluster IP')] : []),
    ...(reduced(spec.ipFamilies, before.ipFamilies) ? [refused('IP family')] : []),
  ];
}

function singleStackErrors(spec: ServiceSpec): FieldError[] {
  if (spec.ipFamilyPolicy !== 'SingleStack') {
    return [];
  }
  const refused = (what: string) =>
    field.invalid(
      SPEC.child('ipFamilyPolicy'),
      spec.ipFamilyPolicy,
      `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
    );
  return [
    ...(spec.clusterIPs?.length === 2 ? [refused('cluster IPs')] : []),
    ...(spec.ipFamilies?.length === 2 ? [refused('IP families')] : []),
  ];
}

/** The families of the addresses that are asked for. */
function inferFamilies(spec: ServiceSpec, configured: IpFamily[]): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, ip] of clusterIpsOf(spec).entries()) {
    if (spec.ipFamilies?.[i] !== undefined) {
      continue;
    }
    const family = familyOf(ip);
    if (configured.includes(family)) {
      spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
    } else {
      const detail = `${family} is not configured on this cluster`;
      errors.push(field.invalid(SPEC.child('clusterIPs').index(i), spec.clusterIPs, detail));
    }
  }
  return errors;
}

function unconfiguredErrors(spec: ServiceSpec, configured: IpFamily[]): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2) {
    const detail = 'this cluster is not configured for dual-stack services';
    errors.push(field.invalid(SPEC.child('ipFamilyPolicy'), spec.ipFamilyPolicy, detail));
  }
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    if (!configured.includes(family as IpFamily)) {
      errors.push(field.invalid(SPEC.child('ipFamilies').index(i), family, 'not configured on this cluster'));
    }
  }
  return errors;
}
