import type { KubeObject } from '@kubelab/apimachinery';
import { AddressRange, type IpFamily } from './address-range.js';

interface ServiceCidrObject {
  metadata: KubeObject['metadata'];
  spec?: { cidrs?: string[] };
  status?: { conditions?: { type: string; status: string }[] };
}

/** A range of one or more ServiceCIDRs; it is given from while one of them is ready. */
export interface ServiceRange {
  range: AddressRange;
  ready: boolean;
}

/** The ranges of all ServiceCIDRs, those of one CIDR once, in the order of the ServiceCIDRs. */
export class ServiceCidrRanges {
  private readonly objects = new Map<string, KubeObject>();
  private ranges = new Map<string, ServiceRange>();

  /** @param onBadRange told of a CIDR that no address can be given from */
  constructor(private readonly onBadRange: (cidr: string, error: unknown) => void) {}

  set(object: KubeObject): void {
    this.objects.set(object.metadata.name ?? '', object);
    this.build();
  }

  delete(object: KubeObject): void {
    this.objects.delete(object.metadata.name ?? '');
    this.build();
  }

  all(): ServiceRange[] {
    return [...this.ranges.values()];
  }

  readyOf(family: IpFamily): AddressRange[] {
    return this.all().flatMap(({ range, ready }) => (ready && range.family === family ? [range] : []));
  }

  containing(address: string): ServiceRange[] {
    return this.all().filter(({ range }) => range.contains(address));
  }

  private build(): void {
    const ranges = new Map<string, ServiceRange>();
    for (const object of this.objects.values()) {
      const serviceCidr = object as unknown as ServiceCidrObject;
      for (const cidr of serviceCidr.spec?.cidrs ?? []) {
        const known = ranges.get(cidr);
        const ready = isReady(serviceCidr) || known?.ready === true;
        const range = known?.range ?? this.ranges.get(cidr)?.range ?? this.parse(cidr);
        if (range) {
          ranges.set(cidr, { range, ready });
        }
      }
    }
    this.ranges = ranges;
  }

  private parse(cidr: string): AddressRange | undefined {
    try {
      return new AddressRange(cidr);
    } catch (error) {
      this.onBadRange(cidr, error);
      return undefined;
    }
  }
}

/** One without the condition counts as ready: the controller manager, which sets it, may not run. */
function isReady({ metadata, status }: ServiceCidrObject): boolean {
  const condition = status?.conditions?.find(({ type }) => type === 'Ready');
  return metadata.deletionTimestamp === undefined && (condition === undefined || condition.status === 'True');
}
