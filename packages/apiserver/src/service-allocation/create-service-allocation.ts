import type { ComponentContext } from '@kubelab/component-base';
import type { Store } from '@kubelab/storage';
import { EventRecorder } from '../event-recorder.js';
import type { ObjectAccess } from '../object-access.js';
import { EtcdRangeStore } from '../registry/range-store.js';
import { DefaultServiceCidr } from '../start/default-service-cidr.js';
import { AddressRange } from './address-range.js';
import { AllocatorMetrics } from './allocator-metrics.js';
import { ClusterIpAllocator } from './cluster-ip-allocator.js';
import { ClusterIpRepair } from './cluster-ip-repair.js';
import { services } from './ip-address.js';
import { NodePorts } from './node-ports.js';
import { RepairLoop } from './repair-loop.js';
import { ServiceAllocator } from './service-allocator.js';

export interface ServiceAllocation {
  allocator: ServiceAllocator;
  /** The first usable address: that of default/kubernetes. */
  kubernetesServiceIp: string;
  /** Learns what is taken and makes the default ServiceCIDR: before the first Service is written. */
  start(): Promise<void>;
  ensureDefaultCidr(): Promise<void>;
  /** Mends what a crash between two writes left behind. */
  repair(): Promise<void>;
  stop(): Promise<void>;
}

/** The allocators of cluster IPs and node ports, with their repair, from the flags. Throws for ranges that are none. */
export function createServiceAllocation(
  { options, logger, metrics: registry }: ComponentContext,
  objects: ObjectAccess,
  store: Store,
): ServiceAllocation {
  const ranges = options.strings('service-cluster-ip-range').map((cidr) => new AddressRange(cidr));
  const metrics = new AllocatorMetrics(registry);
  const clusterIps = new ClusterIpAllocator(objects, logger, (cidr, scope, error) => {
    metrics.ipAllocation(cidr, scope, error);
  });
  metrics.watch(clusterIps);
  const nodePorts = new NodePorts({
    store: new EtcdRangeStore(store),
    range: options.string('service-node-port-range'),
    onAllocation: (scope, error) => metrics.portAllocation(scope, error),
    onCount: (allocated, size) => metrics.portCount(allocated, size),
  });
  const recorder = (controller: string) => new EventRecorder(objects, controller, logger);
  const repair = new ClusterIpRepair(objects, clusterIps, recorder('ipallocator-repair-controller'));
  const loop = new RepairLoop(objects, repair, logger);
  const defaultCidr = new DefaultServiceCidr(
    objects,
    ranges.map(({ network }) => network),
    recorder('kubernetes-service-cidr-controller'),
    logger,
  );
  return {
    allocator: new ServiceAllocator({ clusterIps, nodePorts, families: ranges.map(({ family }) => family) }),
    kubernetesServiceIp: (ranges[0] as AddressRange).at(1n),
    async start() {
      await clusterIps.start();
      await defaultCidr.reconcile();
    },
    ensureDefaultCidr: () => defaultCidr.reconcile(),
    async repair() {
      await loop.checkAll();
      await nodePorts.repair(() => objects.list(services, '', { consistent: true }));
    },
    async stop() {
      clusterIps.stop();
      await loop.stop();
    },
  };
}
