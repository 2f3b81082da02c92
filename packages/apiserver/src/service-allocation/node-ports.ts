import { FieldPath, field, type KubeObject } from '@kubelab/apimachinery';
import { allocationFailed } from './cluster-ips.js';
import { AlreadyAllocatedError, RangeFullError } from './errors.js';
import { RangeAllocator, type RangeStore } from './range-allocator.js';
import { type Assignment, hasNodePorts, invalidService, nodePortsOf, type ServiceSpec } from './service-spec.js';

/** The protocols that this Service uses a node port for already: two may share one. */
type Taken = Map<number, Set<string>>;

export interface NodePortsOptions {
  store: RangeStore;
  /** --service-node-port-range, for example 30000-32767. */
  range: string;
  onAllocation?(scope: 'static' | 'dynamic', error: boolean): void;
  onCount?(allocated: number, size: number): void;
}

/** Gives Services node ports and ports of health checks. */
export class NodePorts {
  private readonly allocator: RangeAllocator;
  private readonly first: number;
  private readonly last: number;

  /** @throws Error when the range is none */
  constructor(private readonly options: NodePortsOptions) {
    const { store, range } = options;
    const match = /^(\d+)-(\d+)$/.exec(range);
    if (!match || Number(match[1]) > Number(match[2]) || Number(match[2]) > 65535) {
      throw new Error(`invalid node port range ${JSON.stringify(range)}`);
    }
    this.first = Number(match[1]);
    this.last = Number(match[2]);
    const size = this.last - this.first + 1;
    // The lower part is left to ports that are asked for by number (KEP-3668).
    const staticBand = size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
    this.allocator = new RangeAllocator({
      store,
      key: 'ranges/servicenodeports',
      range,
      size,
      staticBand,
      onCount: (allocated) => options.onCount?.(allocated, size),
    });
  }

  async assign(assignment: Assignment): Promise<void> {
    const { spec, before } = assignment;
    const held = new Set(nodePortsOf(before));
    const taken: Taken = new Map();
    // Those of other types are for validation to refuse.
    if (!hasNodePorts(spec)) return;
    for (const [index, port] of (spec.ports ?? []).entries()) {
      if (port.nodePort) {
        const path = FieldPath.of('spec', 'ports').index(index).child('nodePort');
        await this.take(assignment, port.nodePort, path, held, taken, port.protocol ?? 'TCP');
      }
    }
    if (wantsPorts(spec)) {
      await this.fillIn(assignment, taken);
    }
    if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') return;
    if (spec.healthCheckNodePort) {
      const path = FieldPath.of('spec', 'healthCheckNodePort');
      await this.take(assignment, spec.healthCheckNodePort, path, held, taken, 'health');
    } else {
      spec.healthCheckNodePort = before?.healthCheckNodePort || (await this.takeAny(assignment, taken));
    }
  }

  /** Gives back what a deleted Service held, or what a changed one no longer holds. */
  async release(before: ServiceSpec, now: ServiceSpec | undefined): Promise<void> {
    const kept = new Set(nodePortsOf(now));
    for (const port of new Set(nodePortsOf(before))) {
      if (!kept.has(port) && this.contains(port)) {
        await this.allocator.release(port - this.first);
      }
    }
  }

  /** Makes the allocations in etcd what the Services say. */
  async repair(list: () => Promise<KubeObject[]>): Promise<void> {
    await this.allocator.repair(async () =>
      (await list())
        .flatMap((service) => nodePortsOf(service.spec as ServiceSpec))
        .filter((port) => this.contains(port))
        .map((port) => port - this.first),
    );
  }

  private contains(port: number): boolean {
    return port >= this.first && port <= this.last;
  }

  private async fillIn(assignment: Assignment, taken: Taken): Promise<void> {
    const ports = assignment.spec.ports ?? [];
    for (const port of ports) {
      if (!port.nodePort) {
        const protocol = port.protocol ?? 'TCP';
        // The same port of two protocols (DNS) shares one node port where that is free for the second one.
        const twin = ports.find((other) => other !== port && other.port === port.port && other.nodePort)?.nodePort;
        port.nodePort = twin && !taken.get(twin)?.has(protocol) ? twin : await this.takeAny(assignment, taken);
        noteTaken(taken, port.nodePort, protocol);
      }
    }
  }

  private async take(
    { service, dryRun, undo }: Assignment,
    port: number,
    path: FieldPath,
    held: Set<number>,
    taken: Taken,
    protocol: string,
  ): Promise<void> {
    const sharedWithin = taken.has(port) && !taken.get(port)?.has(protocol);
    noteTaken(taken, port, protocol);
    if (held.has(port) || sharedWithin) {
      return;
    }
    if (!this.contains(port)) {
      const detail = `provided port is not in the valid range. The range of valid ports is ${this.options.range}`;
      throw invalidService(service, [field.invalid(path, port, detail)]);
    }
    try {
      await this.allocator.allocate(port - this.first, dryRun);
    } catch (error) {
      this.options.onAllocation?.('static', true);
      if (error instanceof AlreadyAllocatedError) {
        throw invalidService(service, [field.invalid(path, port, 'provided port is already allocated')]);
      }
      throw error;
    }
    if (!dryRun) {
      this.options.onAllocation?.('static', false);
      undo.push(() => this.allocator.release(port - this.first));
    }
  }

  private async takeAny({ dryRun, undo }: Assignment, taken: Taken): Promise<number> {
    try {
      const chosen = [...taken.keys()].filter((port) => this.contains(port)).map((port) => port - this.first);
      const n = await this.allocator.allocateNext(dryRun, chosen);
      if (!dryRun) {
        this.options.onAllocation?.('dynamic', false);
        undo.push(() => this.allocator.release(n));
      }
      return n + this.first;
    } catch (error) {
      this.options.onAllocation?.('dynamic', true);
      throw error instanceof RangeFullError ? allocationFailed('nodePort', error) : error;
    }
  }
}

function wantsPorts({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean {
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
}

function noteTaken(taken: Taken, port: number, protocol: string): void {
  const protocols = taken.get(port) ?? new Set();
  protocols.add(protocol);
  taken.set(port, protocols);
}
