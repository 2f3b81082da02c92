import type { KubeObject } from '@kubelab/apimachinery';
import type { IpFamily } from './address-range.js';
import type { ClusterIpAllocator } from './cluster-ip-allocator.js';
import { assignClusterIps } from './cluster-ips.js';
import { setIpFamilies } from './ip-families.js';
import type { NodePorts } from './node-ports.js';
import { type Assignment, clusterIpsOf, type Rollback, type ServiceSpec } from './service-spec.js';

export interface ServiceAllocatorOptions {
  clusterIps: ClusterIpAllocator;
  nodePorts: NodePorts;
  /** The families of --service-cluster-ip-range, the default one first. */
  families: IpFamily[];
}

/** Assigns cluster IPs and node ports to Services, as registry/core/service/storage/alloc.go does. */
export class ServiceAllocator {
  constructor(private readonly options: ServiceAllocatorOptions) {}

  /**
   * Fills in what a new Service, or a changed one, needs (in place). Returns how to undo it; a dry run takes nothing.
   * @throws StatusError Invalid when an address or port is taken or outside its range, InternalError when none is left
   */
  async assign(service: KubeObject, old: KubeObject | undefined, dryRun: boolean): Promise<Rollback> {
    const { clusterIps, nodePorts, families } = this.options;
    const undo: Rollback[] = [];
    const rollback = async () => {
      for (const step of undo.splice(0).reverse()) {
        await step();
      }
    };
    const spec = service.spec as ServiceSpec;
    const assignment: Assignment = { service, spec, before: old?.spec as ServiceSpec | undefined, dryRun, undo };
    try {
      setIpFamilies(service, old, families);
      await assignClusterIps(clusterIps, assignment);
      await nodePorts.assign(assignment);
    } catch (error) {
      await rollback();
      throw error;
    }
    return rollback;
  }

  /** Gives back what a deleted Service held, or what a changed one no longer holds. */
  async release(old: KubeObject, now?: KubeObject): Promise<void> {
    const before = old.spec as ServiceSpec;
    const after = now?.spec as ServiceSpec | undefined;
    const kept = new Set(clusterIpsOf(after));
    for (const ip of clusterIpsOf(before)) {
      if (!kept.has(ip)) {
        await this.options.clusterIps.release(ip);
      }
    }
    await this.options.nodePorts.release(before, after);
  }
}
