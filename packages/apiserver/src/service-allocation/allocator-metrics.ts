import { Counter, Gauge, type Registry } from '@kubelab/component-base';
import type { AllocationScope, ClusterIpAllocator } from './cluster-ip-allocator.js';

/** Numbers of the allocators under kube-apiserver's names. */
export class AllocatorMetrics {
  private readonly ips: Record<'done' | 'failed', Counter<'cidr' | 'scope'>>;
  private readonly ports: Record<'done' | 'failed', Counter<'scope'>>;
  private readonly portGauges: Record<'allocated' | 'available', Gauge>;

  constructor(private readonly registry: Registry) {
    const registers = [registry];
    const ip = 'kube_apiserver_clusterip_allocator';
    const port = 'kube_apiserver_nodeport_allocator';
    this.ips = {
      done: new Counter({
        name: `${ip}_allocation_total`,
        help: 'Number of Cluster IPs allocations',
        labelNames: ['cidr', 'scope'],
        registers,
      }),
      failed: new Counter({
        name: `${ip}_allocation_errors_total`,
        help: 'Number of errors trying to allocate Cluster IPs',
        labelNames: ['cidr', 'scope'],
        registers,
      }),
    };
    this.ports = {
      done: new Counter({
        name: `${port}_allocation_total`,
        help: 'Number of NodePort allocations',
        labelNames: ['scope'],
        registers,
      }),
      failed: new Counter({
        name: `${port}_allocation_errors_total`,
        help: 'Number of errors trying to allocate NodePort',
        labelNames: ['scope'],
        registers,
      }),
    };
    this.portGauges = {
      allocated: new Gauge({
        name: `${port}_allocated_ports`,
        help: 'Gauge measuring the number of allocated NodePorts for Services',
        registers,
      }),
      available: new Gauge({
        name: `${port}_available_ports`,
        help: 'Gauge measuring the number of available NodePorts for Services',
        registers,
      }),
    };
  }

  ipAllocation(cidr: string, scope: AllocationScope, error: boolean): void {
    this.ips[error ? 'failed' : 'done'].inc({ cidr, scope });
  }

  portAllocation(scope: AllocationScope, error: boolean): void {
    this.ports[error ? 'failed' : 'done'].inc({ scope });
  }

  portCount(allocated: number, size: number): void {
    this.portGauges.allocated.set(allocated);
    this.portGauges.available.set(size - allocated);
  }

  /** Counts the allocator's addresses whenever somebody reads the metrics. */
  watch(allocator: ClusterIpAllocator): void {
    const registers = [this.registry];
    const labelNames = ['cidr'] as const;
    new Gauge({
      name: 'kube_apiserver_clusterip_allocator_allocated_ips',
      help: 'Gauge measuring the number of allocated IPs for Services',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { cidr, allocated } of allocator.usage()) this.set({ cidr }, allocated);
      },
    });
    new Gauge({
      name: 'kube_apiserver_clusterip_allocator_available_ips',
      help: 'Gauge measuring the number of available IPs for Services',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { cidr, allocated, size } of allocator.usage()) this.set({ cidr }, Number(size) - allocated);
      },
    });
  }
}
