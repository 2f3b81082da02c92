import type { KubeObject } from '@kubelab/apimachinery';
import { familyOf } from './address-range.js';

export const ipAddresses = { group: 'networking.k8s.io', resource: 'ipaddresses' };
export const serviceCidrs = { group: 'networking.k8s.io', resource: 'servicecidrs' };
export const services = { group: '', resource: 'services' };

/** The ServiceCIDR of --service-cluster-ip-range. */
export const defaultServiceCidr = 'kubernetes';

/** Who made an IPAddress, and its family, as labels. */
export const managedByLabel = 'ipaddress.kubernetes.io/managed-by';
export const familyLabel = 'ipaddress.kubernetes.io/ip-family';
export const allocatorName = 'ipallocator.k8s.io';

export interface ParentReference {
  group?: string;
  resource?: string;
  namespace?: string;
  name?: string;
}

/** The IPAddress that says that a Service has the (canonical) address. */
export function newIpAddress(address: string, { metadata }: KubeObject): KubeObject {
  const { namespace = '', name = '' } = metadata;
  const parentRef: ParentReference = { resource: 'services', namespace, name };
  return {
    kind: 'IPAddress',
    apiVersion: 'networking.k8s.io/v1',
    metadata: { name: address, labels: { [familyLabel]: familyOf(address), [managedByLabel]: allocatorName } },
    spec: { parentRef },
  };
}

export function parentOf(ipAddress: KubeObject): ParentReference {
  return (ipAddress.spec as { parentRef?: ParentReference } | undefined)?.parentRef ?? {};
}

export function refersToService({ group = '', resource }: ParentReference): boolean {
  return group === '' && resource === 'services';
}

export function isManaged({ metadata }: KubeObject): boolean {
  return metadata.labels?.[managedByLabel] === allocatorName;
}
