import {
  type FieldError,
  FieldPath,
  field,
  type KubeObject,
  newInternalError,
  newInvalid,
} from '@kubelab/apimachinery';
import { AddressRange } from './address-range.js';
import { AlreadyAllocatedError, RangeAllocator, RangeFullError, type RangeStore } from './range-allocator.js';

interface ServicePort {
  port: number;
  protocol?: string;
  nodePort?: number;
}

/** The parts of a Service's spec that allocation reads and writes. */
export interface ServiceSpec {
  type?: string;
  clusterIP?: string;
  clusterIPs?: string[];
  ipFamilies?: string[];
  ipFamilyPolicy?: string;
  ports?: ServicePort[];
  healthCheckNodePort?: number;
  externalTrafficPolicy?: string;
  allocateLoadBalancerNodePorts?: boolean;
  externalName?: string;
}

export interface ServiceAllocatorOptions {
  store: RangeStore;
  /** --service-cluster-ip-range: one CIDR, or one of each family. */
  clusterIpRanges: string[];
  /** --service-node-port-range, for example 30000-32767. */
  nodePortRange: string;
}

interface Family {
  range: AddressRange;
  allocator: RangeAllocator;
}

/** Undoes what was allocated for a write that failed afterwards. */
export type Rollback = () => Promise<void>;

/** Assigns cluster IPs and node ports to Services, as registry/core/service/storage/alloc.go does. */
export class ServiceAllocator {
  private readonly families: Family[];
  private readonly nodePorts: RangeAllocator;
  private readonly firstPort: number;
  private readonly lastPort: number;

  constructor(private readonly options: ServiceAllocatorOptions) {
    this.families = options.clusterIpRanges.map((cidr, index) => {
      const range = new AddressRange(cidr);
      // The lower part of the range is left to addresses that are asked for by name (KEP-3070).
      const band = Math.min(Math.max(16, Math.floor(range.size / 16)), 256);
      const last = range.family === 'IPv4' ? range.size - 1 : range.size;
      const key = index === 0 ? 'ranges/serviceips' : 'ranges/secondaryserviceips';
      const allocator = new RangeAllocator(options.store, key, cidr, last, 1, range.size > 32 ? band : 1);
      return { range, allocator };
    });
    const match = /^(\d+)-(\d+)$/.exec(options.nodePortRange);
    if (!match || Number(match[1]) > Number(match[2]) || Number(match[2]) > 65535) {
      throw new Error(`invalid node port range ${JSON.stringify(options.nodePortRange)}`);
    }
    this.firstPort = Number(match[1]);
    this.lastPort = Number(match[2]);
    const size = this.lastPort - this.firstPort + 1;
    const band = Math.min(Math.max(16, Math.floor(size / 32)), 128);
    const key = 'ranges/servicenodeports';
    this.nodePorts = new RangeAllocator(options.store, key, options.nodePortRange, size, 0, size > 32 ? band : 0);
  }

  /** The first usable address: that of default/kubernetes. */
  get kubernetesServiceIp(): string {
    return (this.families[0] as Family).range.at(1);
  }

  /**
   * Fills in what a new Service, or a changed one, needs (in place). Returns how to undo it.
   * @throws StatusError Invalid when an address or port is taken, outside its range, or none is left
   */
  async assign(service: KubeObject, old?: KubeObject): Promise<Rollback> {
    const undo: Rollback[] = [];
    const rollback = async () => {
      for (const step of undo.reverse()) {
        await step();
      }
    };
    try {
      const spec = service.spec as ServiceSpec;
      const before = old?.spec as ServiceSpec | undefined;
      this.setFamilies(service, spec, before);
      await this.assignClusterIps(service, spec, before, undo);
      await this.assignNodePorts(service, spec, before, undo);
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
    const keptIps = new Set(clusterIpsOf(after));
    for (const ip of clusterIpsOf(before).filter((address) => !keptIps.has(address))) {
      const family = this.familyOf(ip);
      await family?.allocator.release(family.range.indexOf(ip));
    }
    const keptPorts = new Set(nodePortsOf(after));
    for (const port of new Set(nodePortsOf(before))) {
      if (!keptPorts.has(port) && this.inPortRange(port)) {
        await this.nodePorts.release(port - this.firstPort);
      }
    }
  }

  /** Makes the allocations in etcd what the Services say. */
  async repair(list: () => Promise<KubeObject[]>): Promise<void> {
    for (const { range, allocator } of this.families) {
      await allocator.repair(async () =>
        (await list())
          .flatMap((service) => clusterIpsOf(service.spec as ServiceSpec))
          .filter((ip) => range.contains(ip))
          .map((ip) => range.indexOf(ip)),
      );
    }
    await this.nodePorts.repair(async () =>
      (await list())
        .flatMap((service) => nodePortsOf(service.spec as ServiceSpec))
        .filter((port) => this.inPortRange(port))
        .map((port) => port - this.firstPort),
    );
  }

  private familyOf(ip: string): Family | undefined {
    return this.families.find(({ range }) => range.contains(ip));
  }

  private inPortRange(port: number): boolean {
    return port >= this.firstPort && port <= this.lastPort;
  }

  /** Defaults of ipFamilyPolicy and ipFamilies (KEP-563). */
  private setFamilies(service: KubeObject, spec: ServiceSpec, before: ServiceSpec | undefined): void {
    if (spec.type === 'ExternalName') {
      delete spec.ipFamilies;
      delete spec.ipFamilyPolicy;
      delete spec.clusterIP;
      delete spec.clusterIPs;
      return;
    }
    const wantsAny = spec.ipFamilies && spec.ipFamilies.length > 1;
    spec.ipFamilyPolicy ??= wantsAny || (spec.clusterIPs?.length ?? 0) > 1 ? 'RequireDualStack' : 'SingleStack';
    const available: string[] = this.families.map(({ range }) => range.family);
    const fromIps = (spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []))
      .filter((ip) => ip !== 'None' && ip !== '')
      .map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4'));
    const families = [...new Set([...(spec.ipFamilies ?? before?.ipFamilies ?? []), ...fromIps])];
    if (families.length === 0) {
      families.push(available[0] as string);
    }
    const wanted = spec.ipFamilyPolicy === 'SingleStack' ? 1 : 2;
    for (const family of available) {
      if (families.length < wanted && !families.includes(family)) {
        families.push(family);
      }
    }
    const errors: FieldError[] = [];
    const path = FieldPath.of('spec');
    if (spec.ipFamilyPolicy === 'RequireDualStack' && available.length < 2) {
      const detail = 'this cluster is not configured for dual-stack services';
      errors.push(field.invalid(path.child('ipFamilyPolicy'), spec.ipFamilyPolicy, detail));
    }
    const headlessWithoutSelector = spec.clusterIP === 'None' && !(service.spec as { selector?: object }).selector;
    for (const [index, family] of families.entries()) {
      if (!available.includes(family) && !headlessWithoutSelector) {
        const detail = 'not configured on this cluster';
        errors.push(field.invalid(path.child('ipFamilies').index(index), family, detail));
      }
    }
    if (errors.length > 0) {
      throw invalid(service, errors);
    }
    spec.ipFamilies = families;
  }

  private async assignClusterIps(
    service: KubeObject,
    spec: ServiceSpec,
    before: ServiceSpec | undefined,
    undo: Rollback[],
  ): Promise<void> {
    if (spec.type === 'ExternalName') {
      return;
    }
    if (spec.clusterIP === 'None' || spec.clusterIPs?.[0] === 'None') {
      spec.clusterIP = 'None';
      spec.clusterIPs = ['None'];
      return;
    }
    const held = new Set(clusterIpsOf(before));
    const asked = spec.clusterIPs?.length ? spec.clusterIPs : spec.clusterIP ? [spec.clusterIP] : [];
    const count =
      spec.ipFamilyPolicy === 'PreferDualStack' ? Math.min(2, this.families.length) : (spec.ipFamilies?.length ?? 1);
    const result: string[] = [];
    for (let i = 0; i < count; i++) {
      const family = this.families.find(({ range }) => range.family === spec.ipFamilies?.[i]);
      if (!family) {
        continue;
      }
      const ip = asked[i];
      result.push(
        ip ? await this.takeIp(service, family, ip, held, i, undo) : await this.takeAnyIp(service, family, undo),
      );
    }
    spec.clusterIPs = result;
    spec.clusterIP = result[0];
  }

  private async takeIp(
    service: KubeObject,
    family: Family,
    ip: string,
    held: Set<string>,
    index: number,
    undo: Rollback[],
  ): Promise<string> {
    if (held.has(ip)) {
      return ip;
    }
    const path = FieldPath.of('spec', 'clusterIPs').index(index);
    if (!family.range.contains(ip)) {
      const detail = `failed to allocate IP ${ip}: the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${family.range.cidr}`;
      throw invalid(service, [field.invalid(path, [ip], detail)]);
    }
    const n = family.range.indexOf(ip);
    try {
      await family.allocator.allocate(n);
    } catch (error) {
      if (error instanceof AlreadyAllocatedError) {
        const detail = `failed to allocate IP ${ip}: provided IP is already allocated`;
        throw invalid(service, [field.invalid(path, [ip], detail)]);
      }
      throw error;
    }
    undo.push(() => family.allocator.release(n));
    return ip;
  }

  private async takeAnyIp(service: KubeObject, family: Family, undo: Rollback[]): Promise<string> {
    try {
      const n = await family.allocator.allocateNext();
      undo.push(() => family.allocator.release(n));
      return family.range.at(n);
    } catch (error) {
      if (error instanceof RangeFullError) {
        throw newInternalError(
          new Error(`failed to allocate a serviceIP for ${service.metadata.name}: ${error.message}`),
        );
      }
      throw error;
    }
  }

  private async assignNodePorts(
    service: KubeObject,
    spec: ServiceSpec,
    before: ServiceSpec | undefined,
    undo: Rollback[],
  ): Promise<void> {
    const exposed =
      spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
    const held = new Set(nodePortsOf(before));
    const taken = new Map<number, Set<string>>();
    for (const [index, port] of (spec.ports ?? []).entries()) {
      if (spec.type !== 'NodePort' && spec.type !== 'LoadBalancer') {
        delete port.nodePort;
        continue;
      }
      if (port.nodePort) {
        const path = FieldPath.of('spec', 'ports').index(index).child('nodePort');
        await this.takePort(service, port.nodePort, path, held, taken, port.protocol ?? 'TCP', undo);
      }
    }
    for (const port of spec.ports ?? []) {
      if (exposed && !port.nodePort) {
        // The same port of two protocols (DNS) shares one node port where that is free for the second one.
        const twin = (spec.ports ?? []).find((other) => other !== port && other.port === port.port && other.nodePort);
        const free = twin?.nodePort && !taken.get(twin.nodePort)?.has(port.protocol ?? 'TCP');
        port.nodePort = free ? twin.nodePort : await this.takeAnyPort(service, undo);
        noteTaken(taken, port.nodePort as number, port.protocol ?? 'TCP');
      }
    }
    if (spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local') {
      if (!spec.healthCheckNodePort) {
        spec.healthCheckNodePort = before?.healthCheckNodePort || (await this.takeAnyPort(service, undo));
      } else {
        const path = FieldPath.of('spec', 'healthCheckNodePort');
        await this.takePort(service, spec.healthCheckNodePort, path, held, taken, 'health', undo);
      }
    } else {
      delete spec.healthCheckNodePort;
    }
  }

  private async takePort(
    service: KubeObject,
    port: number,
    path: FieldPath,
    held: Set<number>,
    taken: Map<number, Set<string>>,
    protocol: string,
    undo: Rollback[],
  ): Promise<void> {
    const sharedWithin = taken.has(port) && !taken.get(port)?.has(protocol);
    noteTaken(taken, port, protocol);
    if (held.has(port) || sharedWithin) {
      return;
    }
    if (!this.inPortRange(port)) {
      const detail = `provided port is not in the valid range. The range of valid ports is ${this.options.nodePortRange}`;
      throw invalid(service, [field.invalid(path, port, detail)]);
    }
    try {
      await this.nodePorts.allocate(port - this.firstPort);
    } catch (error) {
      if (error instanceof AlreadyAllocatedError) {
        throw invalid(service, [field.invalid(path, port, 'provided port is already allocated')]);
      }
      throw error;
    }
    undo.push(() => this.nodePorts.release(port - this.firstPort));
  }

  private async takeAnyPort(service: KubeObject, undo: Rollback[]): Promise<number> {
    try {
      const n = await this.nodePorts.allocateNext();
      undo.push(() => this.nodePorts.release(n));
      return n + this.firstPort;
    } catch (error) {
      if (error instanceof RangeFullError) {
        throw newInternalError(
          new Error(`failed to allocate a nodePort for ${service.metadata.name}: ${error.message}`),
        );
      }
      throw error;
    }
  }
}

function noteTaken(taken: Map<number, Set<string>>, port: number, protocol: string): void {
  const protocols = taken.get(port) ?? new Set();
  protocols.add(protocol);
  taken.set(port, protocols);
}

function clusterIpsOf(spec: ServiceSpec | undefined): string[] {
  const all = spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];
  return all.filter((ip) => ip !== 'None' && ip !== '');
}

function nodePortsOf(spec: ServiceSpec | undefined): number[] {
  const ports = (spec?.ports ?? []).flatMap((port) => (port.nodePort ? [port.nodePort] : []));
  return spec?.healthCheckNodePort ? [...ports, spec.healthCheckNodePort] : ports;
}

function invalid(service: KubeObject, errors: FieldError[]): Error {
  return newInvalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', errors);
}
