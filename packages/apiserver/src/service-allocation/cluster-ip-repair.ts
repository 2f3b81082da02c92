import { isAlreadyExists, isNotFound, type KubeObject } from '@kubelab/apimachinery';
import type { EventRecorder } from '../event-recorder.js';
import type { ObjectAccess } from '../object-access.js';
import { canonicalAddress, familyOf } from './address-range.js';
import type { ClusterIpAllocator } from './cluster-ip-allocator.js';
import {
  familyLabel,
  ipAddresses,
  isManaged,
  newIpAddress,
  parentOf,
  refersToService,
  services,
} from './ip-address.js';
import { clusterIpsOf, type ServiceSpec } from './service-spec.js';

/** A new Service may still be on its way into etcd for so long after its address (the API server's request timeout). */
const creationMs = 60_000;
/** A change that gives an address to a Service that is there already, or one that is taken back, takes no longer. */
const updateMs = 5_000;

/** What a check asks for: nothing, or to be made again after a time. */
export type Recheck = { afterMs: number } | undefined;

/**
 * Compares the cluster IPs of Services with the IPAddress objects, and mends the objects (Kubernetes' ipallocator
 * repair controller): each address of a Service has an IPAddress that refers to it, and each of the allocator's
 * IPAddresses belongs to a Service. What needs somebody's decision is an Event.
 */
export class ClusterIpRepair {
  constructor(
    private readonly objects: ObjectAccess,
    private readonly allocator: ClusterIpAllocator,
    private readonly events: EventRecorder,
  ) {}

  /** Checks each address of a Service; one that is gone needs nothing. */
  async checkService(namespace: string, name: string): Promise<Recheck> {
    const service = await this.objects.get(services, namespace, name);
    for (const ip of service ? clusterIpsOf(service.spec as ServiceSpec) : []) {
      await this.checkAddress(service as KubeObject, ip);
    }
    return undefined;
  }

  /** Checks that an IPAddress of the allocator belongs to a Service. */
  async checkIpAddress(address: string): Promise<Recheck> {
    const ipAddress = await this.objects.get(ipAddresses, '', address);
    if (!ipAddress || !isManaged(ipAddress)) {
      return undefined;
    }
    const parent = parentOf(ipAddress);
    if (!refersToService(parent)) {
      const shown = `&ParentReference{Group:${parent.group ?? ''},Resource:${parent.resource},Namespace:${parent.namespace ?? ''},Name:${parent.name},}`;
      const note = `IPAddress ${address} appears to have been modified, not referencing a Service ${shown}: cleaning up`;
      await this.remove(ipAddress, 'IPAddressNotAllocated', note);
      return undefined;
    }
    const service = await this.objects.get(services, parent.namespace ?? '', parent.name ?? '');
    if (clusterIpsOf(service?.spec as ServiceSpec | undefined).some((ip) => canonicalAddress(ip) === address)) {
      return undefined;
    }
    const createdAt = Date.parse(ipAddress.metadata.creationTimestamp ?? '');
    const isOlder = service !== undefined && createdAt < Date.parse(service.metadata.creationTimestamp ?? '');
    const graceMs = service ? (isOlder ? 0 : updateMs) : creationMs;
    const ageMs = Date.now() - createdAt;
    if (ageMs < graceMs) {
      return { afterMs: graceMs - ageMs + 1000 };
    }
    const what = `IPAddress: ${address} for Service ${parent.namespace}/${parent.name}`;
    if (service) {
      await this.remove(ipAddress, 'IPAddressWrongReference', `${what} has a wrong reference; cleaning up`);
    } else {
      await this.remove(ipAddress, 'IPAddressNotAllocated', `${what} appears to have leaked: cleaning up`);
    }
    return undefined;
  }

  private async checkAddress(service: KubeObject, ip: string): Promise<void> {
    const shown = `[${familyOf(ip)}]: ${ip}`;
    const { namespace, name } = service.metadata;
    const warn = (reason: string, note: string) =>
      this.events.warn(service, { reason, action: 'ClusterIPAllocation', note });
    if (!this.allocator.isInRange(ip)) {
      const note = `Cluster IP ${shown} is not within any configured Service CIDR; please recreate service`;
      await warn('ClusterIPOutOfRange', note);
      return;
    }
    const address = canonicalAddress(ip);
    // The cache may know the Service already, and its address not yet.
    const ipAddress =
      (await this.objects.get(ipAddresses, '', address)) ??
      (await this.objects.get(ipAddresses, '', address, { consistent: true }));
    if (!ipAddress) {
      await warn('ClusterIPNotAllocated', `Cluster IP ${shown} is not allocated; repairing`);
      await this.create(address, service);
      return;
    }
    const parent = parentOf(ipAddress);
    const isMine = refersToService(parent) && parent.namespace === namespace && parent.name === name;
    if (!isMine) {
      const other = refersToService(parent)
        ? await this.objects.get(services, parent.namespace ?? '', parent.name ?? '')
        : undefined;
      if (other && clusterIpsOf(other.spec as ServiceSpec).some((held) => canonicalAddress(held) === address)) {
        const note = `Cluster IP [${familyOf(ip)}]:${ip} was assigned to multiple services; please recreate service`;
        await warn('ClusterIPAlreadyAllocated', note);
        return;
      }
      const note = `the ClusterIP ${shown} for Service ${namespace}/${name} has a wrong reference; repairing`;
      await warn('ClusterIPNotAllocated', note);
    }
    if (!isMine || ipAddress.metadata.labels?.[familyLabel] !== familyOf(ip) || !isManaged(ipAddress)) {
      await this.delete(address);
      await this.create(address, service);
    }
  }

  private async remove(ipAddress: KubeObject, reason: string, note: string): Promise<void> {
    await this.events.warn(ipAddress, { reason, action: 'IPAddressAllocation', note });
    await this.delete(ipAddress.metadata.name ?? '');
  }

  private async create(address: string, service: KubeObject): Promise<void> {
    try {
      await this.objects.create(ipAddresses, newIpAddress(address, service));
    } catch (error) {
      // Another server repairs it too; whose it is, the next check sees.
      if (!isAlreadyExists(error)) {
        throw error;
      }
    }
  }

  private async delete(address: string): Promise<void> {
    try {
      await this.objects.delete(ipAddresses, '', address);
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
  }
}
