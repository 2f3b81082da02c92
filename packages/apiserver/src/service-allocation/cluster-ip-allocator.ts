import { randomBytes } from 'node:crypto';
import { isAlreadyExists, isNotFound, type KubeObject } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import type { ObjectAccess } from '../object-access.js';
import { type AddressRange, canonicalAddress, type IpFamily } from './address-range.js';
import { AlreadyAllocatedError, MismatchedNetworkError, RangeFullError } from './errors.js';
import { ipAddresses, newIpAddress, serviceCidrs } from './ip-address.js';
import { ServiceCidrRanges } from './service-cidr-ranges.js';

export type AllocationScope = 'static' | 'dynamic';

/** What is told of each try to take an address (metrics). */
export type AllocationListener = (cidr: string, scope: AllocationScope, error: boolean) => void;

/**
 * Gives Services their cluster IPs (KEP-1880). That an address is taken is an IPAddress of its name in etcd, so any
 * number of API servers agree by whose create succeeds. What is free is known from the watch cache; the ranges are
 * those of the ServiceCIDRs, which come and go at run time.
 */
export class ClusterIpAllocator {
  private readonly ranges: ServiceCidrRanges;
  private readonly taken = new Set<string>();
  private stops: (() => void)[] = [];

  constructor(
    private readonly objects: ObjectAccess,
    logger: Logger,
    private readonly onAllocation: AllocationListener = () => undefined,
  ) {
    this.ranges = new ServiceCidrRanges((cidr, error) => logger.warn('A Service range is not used', { cidr, error }));
  }

  /** Resolves when ranges and addresses are known. */
  async start(): Promise<void> {
    const name = ({ metadata }: KubeObject) => metadata.name ?? '';
    this.stops = [
      await this.objects.observe(serviceCidrs, {
        added: (cidr) => this.ranges.set(cidr),
        updated: (_, cidr) => this.ranges.set(cidr),
        deleted: (cidr) => this.ranges.delete(cidr),
      }),
      await this.objects.observe(ipAddresses, {
        added: (address) => this.taken.add(name(address)),
        updated: () => undefined,
        deleted: (address) => this.taken.delete(name(address)),
      }),
    ];
  }

  stop(): void {
    for (const stop of this.stops) {
      stop();
    }
  }

  /** Whether the address belongs to a range, ready or not. */
  isInRange(address: string): boolean {
    return this.ranges.containing(address).length > 0;
  }

  /** How many addresses of each range are taken, and how many there are. */
  usage(): { cidr: string; allocated: number; size: bigint }[] {
    return this.ranges.all().map(({ range }) => {
      let allocated = 0;
      for (const address of this.taken) {
        allocated += range.contains(address) ? 1 : 0;
      }
      return { cidr: range.cidr, allocated, size: range.size };
    });
  }

  /** Takes one address. @throws AlreadyAllocatedError, MismatchedNetworkError */
  async take(address: string, service: KubeObject, dryRun: boolean): Promise<void> {
    const range = await this.readyRange(() => this.ranges.containing(address).find(({ ready }) => ready)?.range);
    if (!range) {
      throw new MismatchedNetworkError();
    }
    const name = canonicalAddress(address);
    const won = dryRun ? !this.taken.has(name) : await this.create(name, service, range, 'static');
    if (!won) {
      throw new AlreadyAllocatedError('provided IP is already allocated');
    }
  }

  /** Takes any free address, of the ranges' upper parts if there is one. @throws RangeFullError */
  async takeAny(family: IpFamily, service: KubeObject, dryRun: boolean): Promise<string> {
    await this.readyRange(() => this.ranges.readyOf(family)[0]);
    for (const range of this.ranges.readyOf(family)) {
      for (const address of this.free(range)) {
        // Another server may have taken it a moment ago: then the next one is tried.
        if (dryRun || (await this.create(address, service, range, 'dynamic'))) {
          return address;
        }
      }
      this.onAllocation(range.cidr, 'dynamic', true);
    }
    throw new RangeFullError();
  }

  async release(address: string): Promise<void> {
    const name = canonicalAddress(address);
    try {
      await this.objects.delete(ipAddresses, '', name);
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
    this.taken.delete(name);
  }

  /** A range that this server does not know may have been made through another one a moment ago. */
  private async readyRange(find: () => AddressRange | undefined): Promise<AddressRange | undefined> {
    const known = find();
    if (!known) {
      await this.objects.list(serviceCidrs, '', { consistent: true });
    }
    return known ?? find();
  }

  /** Resolves to false when the address is taken. */
  private async create(name: string, service: KubeObject, { cidr }: AddressRange, scope: AllocationScope) {
    try {
      await this.objects.create(ipAddresses, newIpAddress(name, service));
    } catch (error) {
      this.onAllocation(cidr, scope, true);
      if (!isAlreadyExists(error)) {
        throw error;
      }
      this.taken.add(name);
      return false;
    }
    this.taken.add(name);
    this.onAllocation(cidr, scope, false);
    return true;
  }

  /** The free addresses, each once: from a random one of the dynamic part on, then from one of the static part on. */
  private *free(range: AddressRange): Generator<string> {
    for (const [from, to] of [
      [range.dynamicFrom, range.last],
      [range.first, range.dynamicFrom - 1n],
    ] as const) {
      const size = to - from + 1n;
      const start = size > 0n ? randomBelow(size) : 0n;
      for (let i = 0n; i < size; i++) {
        const address = range.at(from + ((start + i) % size));
        if (!this.taken.has(address)) {
          yield address;
        }
      }
    }
  }
}

function randomBelow(limit: bigint): bigint {
  return randomBytes(16).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n) % limit;
}
