import { type CgroupName, sliceComponent, sliceName, slicePath } from '@kubelab/cri';
import type { CgroupDriver, ReportLimits } from './driver.js';
import type { CgroupHierarchy, CgroupLimits, CgroupMemory } from './hierarchy.js';
import type { SystemdManager, UnitProperty } from './systemd.js';
import { sharesToWeight } from './weight.js';

/** USEC_INFINITY and its likes: no limit. */
const infinity = 2n ** 64n - 1n;
const usecPerSec = 1_000_000;
/** systemd keeps a CPU quota in whole percents of a CPU. */
const percentUsec = usecPerSec / 100;

/**
 * systemd owns the tree and makes a slice for each cgroup (systemd's own rule: one writer a tree). Limits are set as
 * properties of the slice, so that systemd does not undo them, and then in the files, which are exact where a property
 * is rounded and have what systemd has no property for: the way of runc's library, which the kubelet uses.
 */
export class SystemdDriver implements CgroupDriver {
  readonly name = 'systemd';

  constructor(
    private readonly hierarchy: CgroupHierarchy,
    private readonly systemd: SystemdManager,
    private readonly report: ReportLimits,
  ) {}

  get version(): 1 | 2 {
    return this.hierarchy.version;
  }

  path(name: CgroupName): string {
    return slicePath(name);
  }

  async create(name: CgroupName, limits: CgroupLimits): Promise<void> {
    const unit = sliceName(name);
    const properties = limitProperties(limits, this.hierarchy.version);
    await this.systemd.startSlice(unit, [...sliceProperties(name, this.hierarchy.version), ...properties], properties);
    // systemd makes the slice in those hierarchies only, and hands down those controllers, that a unit asks for.
    await this.hierarchy.create(this.path(name));
    const path = this.path(name);
    await this.hierarchy.setLimits(path, limits).catch((error) => this.report(path, error));
  }

  async update(name: CgroupName, limits: CgroupLimits): Promise<void> {
    await this.systemd.setProperties(sliceName(name), limitProperties(limits, this.hierarchy.version));
    await this.hierarchy.setLimits(this.path(name), limits);
  }

  async remove(name: CgroupName): Promise<void> {
    await this.systemd.stop(sliceName(name));
    // What systemd did not make it does not remove either.
    await this.hierarchy.remove(this.path(name));
  }

  async children(name: CgroupName): Promise<string[]> {
    const units = await this.hierarchy.children(this.path(name));
    return units.map((unit) => sliceComponent(name, unit)).filter((component) => component !== undefined);
  }

  memory(name: CgroupName): Promise<CgroupMemory> {
    return this.hierarchy.memory(this.path(name));
  }
}

function sliceProperties(name: CgroupName, version: 1 | 2): UnitProperty[] {
  return [
    { name: 'Description', type: 's', value: `kubelet cgroup ${name.join('/')}` },
    { name: 'Wants', type: 'as', value: [sliceName(name.slice(0, -1))] },
    { name: 'DefaultDependencies', type: 'b', value: false },
    ...[
      'MemoryAccounting',
      'CPUAccounting',
      version === 2 ? 'IOAccounting' : 'BlockIOAccounting',
      'TasksAccounting',
    ].map((accounting): UnitProperty => ({ name: accounting, type: 'b', value: true })),
  ];
}

/** Limits as properties of a unit (systemd.resource-control(5), org.freedesktop.systemd1(5)). */
export function limitProperties(limits: CgroupLimits, version: 1 | 2): UnitProperty[] {
  const properties: UnitProperty[] = [];
  const set = (name: string, value: bigint) => properties.push({ name, type: 't', value });
  const orInfinity = (value: number) => (value > 0 ? BigInt(value) : infinity);
  if (limits.cpuShares !== undefined) {
    if (version === 2) set('CPUWeight', BigInt(sharesToWeight(limits.cpuShares)));
    else set('CPUShares', BigInt(limits.cpuShares));
  }
  if (limits.cpuQuotaUs !== undefined) {
    const period = limits.cpuPeriodUs ?? 100_000;
    set('CPUQuotaPeriodUSec', BigInt(period));
    set('CPUQuotaPerSecUSec', quotaPerSec(limits.cpuQuotaUs, period));
  }
  if (limits.memoryBytes !== undefined) {
    set(version === 2 ? 'MemoryMax' : 'MemoryLimit', orInfinity(limits.memoryBytes));
  }
  if (limits.pids !== undefined) set('TasksMax', orInfinity(limits.pids));
  return properties;
}

/** Microseconds of CPU a second, rounded up to whole percents: a child may never be allowed more than its parent. */
function quotaPerSec(quotaUs: number, periodUs: number): bigint {
  if (quotaUs <= 0) return infinity;
  return BigInt(Math.ceil((quotaUs * usecPerSec) / periodUs / percentUsec) * percentUsec);
}
