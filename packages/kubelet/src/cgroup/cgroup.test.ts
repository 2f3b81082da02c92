import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Logger } from '@kubelab/component-base';
import type { Pod } from '../pod/types.js';
import { aPod } from '../testing/objects.js';
import { hierarchyOf } from './detect.js';
import { type CgroupDriver, CgroupfsDriver } from './driver.js';
import { type CgroupHierarchy, LegacyHierarchy, UnifiedHierarchy } from './hierarchy.js';
import { PodCgroups } from './pod-cgroups.js';
import { encode, type SystemdManager, SystemdTools, type UnitProperty } from './systemd.js';
import { SystemdDriver } from './systemd-driver.js';
import { sharesToWeight } from './weight.js';

const dirs: string[] = [];
after(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true });
});

/** A file system stands for cgroupfs. What the kernel would put into a new folder is put there by `touch`. */
function tree(): string {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-cgroup-'));
  dirs.push(dir);
  return dir;
}

const controllers = 'cpuset cpu io memory hugetlb pids';

/** A v2 cgroup, and those above it, as the kernel shows them. */
function unifiedGroup(root: string, path: string): void {
  const names = path.split('/').filter(Boolean);
  for (let depth = 0; depth <= names.length; depth++) {
    const dir = join(root, ...names.slice(0, depth));
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'cgroup.controllers'), `${controllers}\n`);
    if (!existsSync(join(dir, 'cgroup.subtree_control'))) writeFileSync(join(dir, 'cgroup.subtree_control'), '\n');
  }
}

function legacy(root: string): LegacyHierarchy {
  for (const name of ['cpu,cpuacct', 'memory', 'pids', 'systemd']) mkdirSync(join(root, name));
  const mounts = [
    ['cpu', 'cpu,cpuacct'],
    ['cpuacct', 'cpu,cpuacct'],
    ['memory', 'memory'],
    ['pids', 'pids'],
    ['name=systemd', 'systemd'],
  ] as const;
  return new LegacyHierarchy(new Map(mounts.map(([controller, folder]) => [controller, join(root, folder)])));
}

const read = (...path: string[]) => readFileSync(join(...path), 'utf8');

/** Remembers what it is asked, and makes a slice's folder by `make`. */
class RecordedSystemd implements SystemdManager {
  readonly calls: [string, string, Record<string, unknown>][] = [];

  constructor(private readonly make: (unit: string) => void = () => undefined) {}

  async startSlice(unit: string, properties: UnitProperty[]): Promise<void> {
    this.calls.push(['start', unit, asObject(properties)]);
    this.make(unit);
  }

  async setProperties(unit: string, properties: UnitProperty[]): Promise<void> {
    this.calls.push(['set', unit, asObject(properties)]);
  }

  async stop(unit: string): Promise<void> {
    this.calls.push(['stop', unit, {}]);
  }
}

const asObject = (properties: UnitProperty[]) => Object.fromEntries(properties.map(({ name, value }) => [name, value]));
const pathOfSlice = (unit: string) => {
  const names = unit.replace(/\.slice$/, '').split('-');
  return names.map((_, index) => `${names.slice(0, index + 1).join('-')}.slice`).join('/');
};

const uid = '1234-abcd';
const withResources = (requests: Record<string, string>, limits?: Record<string, string>): Pod => {
  const pod = aPod({ containers: [{ name: 'c', image: 'i', resources: { requests, limits } }] });
  return { ...pod, metadata: { ...pod.metadata, uid } };
};
const burstable = withResources({ cpu: '500m', memory: '64Mi' }, { cpu: '750m', memory: '128Mi' });
const ignore = () => undefined;
const noReport = (path: string, error: unknown) => assert.fail(`${path}: ${error}`);
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore } as unknown as Logger;

function podCgroups(driver: CgroupDriver, pods: Pod[] = [burstable]) {
  const events: string[] = [];
  const cgroups = new PodCgroups({
    driver,
    root: '/',
    podPidsLimit: 100,
    nodeLimits: () => ({ cpuShares: 2048, memoryBytes: 1 << 30, pids: 4194304 }),
    pods: () => pods,
    event: (_type, reason) => events.push(reason),
    logger,
  });
  return { cgroups, events };
}

describe('cgroups of pods', () => {
  it('v2, cgroupfs', async () => {
    const root = tree();
    const path = `kubepods/burstable/pod${uid}`;
    for (const group of [path, 'kubepods/besteffort']) unifiedGroup(root, group);
    const { cgroups, events } = podCgroups(new CgroupfsDriver(new UnifiedHierarchy(root), noReport));
    await cgroups.setUp();
    assert.deepEqual(events, ['NodeAllocatableEnforced']);
    assert.deepEqual(
      ['memory.max', 'cpu.weight', 'pids.max'].map((name) => read(root, 'kubepods', name)),
      ['1073741824', '79', '4194304'],
    );
    assert.equal(read(root, 'kubepods/besteffort/cpu.weight'), '1');
    assert.equal(read(root, 'kubepods/burstable/cpu.weight'), '20');
    await cgroups.ensure(burstable);
    assert.deepEqual(
      ['memory.max', 'cpu.max', 'cpu.weight', 'pids.max'].map((name) => read(root, path, name)),
      ['134217728', '75000 100000', '20', '100'],
    );
    for (const group of ['.', 'kubepods', 'kubepods/burstable']) {
      assert.equal(read(root, group, 'cgroup.subtree_control'), '+cpu +cpuset +memory +pids +io +hugetlb', group);
    }
    assert.equal(cgroups.path(burstable), `/${path}`);
  });

  it('v2, systemd: slices with properties, then the files', async () => {
    const root = tree();
    const systemd = new RecordedSystemd((unit) => unifiedGroup(root, pathOfSlice(unit)));
    const { cgroups } = podCgroups(new SystemdDriver(new UnifiedHierarchy(root), systemd, noReport));
    await cgroups.setUp();
    await cgroups.ensure(burstable);
    const unit = 'kubepods-burstable-pod1234_abcd.slice';
    assert.deepEqual(
      systemd.calls.map(([call, name]) => `${call} ${name}`),
      [
        'start kubepods.slice',
        'set kubepods.slice',
        'start kubepods-besteffort.slice',
        'start kubepods-burstable.slice',
        'set kubepods-burstable.slice',
        `start ${unit}`,
      ],
    );
    assert.deepEqual(systemd.calls[1]?.[2], { CPUWeight: 79n, MemoryMax: 1n << 30n, TasksMax: 4194304n });
    assert.deepEqual(systemd.calls.at(-1)?.[2], {
      Description: `kubelet cgroup kubepods/burstable/pod${uid}`,
      Wants: ['kubepods-burstable.slice'],
      DefaultDependencies: false,
      MemoryAccounting: true,
      CPUAccounting: true,
      IOAccounting: true,
      TasksAccounting: true,
      CPUWeight: 20n,
      CPUQuotaPeriodUSec: 100_000n,
      CPUQuotaPerSecUSec: 750_000n,
      MemoryMax: 128n << 20n,
      TasksMax: 100n,
    });
    assert.equal(cgroups.path(burstable), `/kubepods.slice/kubepods-burstable.slice/${unit}`);
    assert.equal(read(root, cgroups.path(burstable), 'cpu.max'), '75000 100000');
    const gone: string[] = [];
    await cgroups.collect((known) => gone.push(known) === 0);
    assert.deepEqual(gone, [uid]);
    assert.deepEqual(systemd.calls.at(-1)?.slice(0, 2), ['stop', unit]);
  });

  it('v1, cgroupfs and systemd', async () => {
    const root = tree();
    const { cgroups } = podCgroups(new CgroupfsDriver(legacy(root), noReport));
    await cgroups.setUp();
    await cgroups.ensure(burstable);
    const path = `kubepods/burstable/pod${uid}`;
    assert.deepEqual(
      [
        read(root, 'cpu,cpuacct', path, 'cpu.cfs_quota_us'),
        read(root, 'cpu,cpuacct', path, 'cpu.shares'),
        read(root, 'memory', path, 'memory.limit_in_bytes'),
        read(root, 'pids', path, 'pids.max'),
      ],
      ['75000', '512', '134217728', '100'],
    );
    const other = tree();
    const systemd = new RecordedSystemd();
    const { cgroups: slices } = podCgroups(new SystemdDriver(legacy(other), systemd, noReport));
    await slices.setUp();
    await slices.ensure(burstable);
    const properties = systemd.calls.at(-1)?.[2] ?? {};
    assert.deepEqual(
      ['MemoryLimit', 'CPUShares', 'BlockIOAccounting', 'MemoryMax'].map((name) => properties[name]),
      [128n << 20n, 512n, true, undefined],
    );
    const slice = slices.path(burstable);
    assert.equal(read(other, 'memory', slice, 'memory.limit_in_bytes'), '134217728');
    // systemd's own hierarchy is systemd's to write.
    assert.deepEqual(readdirSync(join(other, 'systemd')), []);
  });

  it('a change of a pod’s resources changes its cgroup; nothing else does', async () => {
    const root = tree();
    const systemd = new RecordedSystemd((unit) => unifiedGroup(root, pathOfSlice(unit)));
    const pods = [burstable];
    const { cgroups } = podCgroups(new SystemdDriver(new UnifiedHierarchy(root), systemd, noReport), pods);
    await cgroups.setUp();
    await cgroups.ensure(burstable);
    const before = systemd.calls.length;
    await cgroups.ensure(burstable);
    await cgroups.updateQos();
    await cgroups.enforceAllocatable();
    assert.equal(systemd.calls.length, before);
    const unlimited = withResources({ cpu: '1' });
    pods[0] = unlimited;
    await cgroups.ensure(unlimited);
    assert.deepEqual(
      systemd.calls.slice(before).map(([call, name]) => `${call} ${name}`),
      ['set kubepods-burstable.slice', 'set kubepods-burstable-pod1234_abcd.slice'],
    );
    const path = cgroups.path(unlimited);
    assert.deepEqual(
      ['cpu.max', 'memory.max', 'cpu.weight'].map((name) => read(root, path, name)),
      ['max 100000', 'max', '39'],
    );
  });

  it('a limit that is refused is reported, and the cgroup is there', async () => {
    const root = tree();
    unifiedGroup(root, 'a');
    mkdirSync(join(root, 'a/memory.max'));
    const reported: string[] = [];
    const driver = new CgroupfsDriver(new UnifiedHierarchy(root), (path) => reported.push(path));
    await driver.create(['a'], { memoryBytes: 1 });
    assert.deepEqual(reported, ['/a']);
    await assert.rejects(driver.update(['a'], { memoryBytes: 1 }));
  });

  it('use of memory', async () => {
    const root = tree();
    unifiedGroup(root, 'kubepods');
    const files = { 'memory.current': '500\n', 'memory.max': 'max\n', 'memory.stat': 'anon 1\ninactive_file 200\n' };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, 'kubepods', name), text);
    const { cgroups } = podCgroups(new CgroupfsDriver(new UnifiedHierarchy(root), noReport));
    assert.deepEqual(await cgroups.memory(), { usage: 500, workingSet: 300, limit: Number.POSITIVE_INFINITY });
    const v1 = tree();
    const hierarchy: CgroupHierarchy = legacy(v1);
    mkdirSync(join(v1, 'memory/a'));
    const old = {
      'memory.usage_in_bytes': '500',
      'memory.limit_in_bytes': '1000',
      'memory.stat': 'inactive_file 1\ntotal_inactive_file 100\n',
    };
    for (const [name, text] of Object.entries(old)) writeFileSync(join(v1, 'memory/a', name), text);
    assert.deepEqual(await hierarchy.memory('/a'), { usage: 500, workingSet: 400, limit: 1000 });
  });
});

describe('systemd', () => {
  it('properties as arguments of busctl', () => {
    const properties: UnitProperty[] = [
      { name: 'MemoryMax', type: 't', value: 2n ** 64n - 1n },
      { name: 'Wants', type: 'as', value: ['a.slice'] },
      { name: 'CPUAccounting', type: 'b', value: true },
    ];
    const expected = '3 MemoryMax t 18446744073709551615 Wants as 1 a.slice CPUAccounting b true';
    assert.equal(encode(properties).join(' '), expected);
  });

  it('a slice that is there gets its limits; another failure is told', async () => {
    const calls: string[] = [];
    const answer = { stderr: '' };
    const systemd = new SystemdTools(async (file, args) => {
      calls.push([file, ...args].filter((word) => !/freedesktop|--quiet/.test(word)).join(' '));
      if (args.includes('StartTransientUnit')) throw Object.assign(new Error('failed'), answer);
    });
    const limits: UnitProperty[] = [{ name: 'TasksMax', type: 't', value: 5n }];
    answer.stderr = 'Call failed: Unit a.slice was already loaded or has a fragment file.';
    await systemd.startSlice('a.slice', limits, limits);
    assert.deepEqual(calls.slice(1), [
      'busctl call SetUnitProperties sba(sv) a.slice true 1 TasksMax t 5',
      'systemctl start a.slice',
    ]);
    answer.stderr = 'Call failed: Access denied';
    await assert.rejects(systemd.startSlice('a.slice', limits, limits), /failed/);
  });
});

describe('hierarchies', () => {
  const entry = (fsType: string, mountPoint: string) => ({ fsType, mountPoint, root: '/', source: 'x', optional: [] });
  const cases: [string, [string, string, string][], number | undefined][] = [
    ['unified', [['cgroup2', '/sys/fs/cgroup', 'rw,nsdelegate']], 2],
    ['legacy', [['cgroup', '/sys/fs/cgroup/memory', 'rw,memory']], 1],
    [
      'hybrid: v2 without controllers beside v1',
      [
        ['cgroup2', '/sys/fs/cgroup/unified', 'rw'],
        ['cgroup', '/sys/fs/cgroup/cpu,cpuacct', 'rw,cpu,cpuacct'],
        ['cgroup', '/sys/fs/cgroup/systemd', 'rw,xattr,name=systemd'],
      ],
      1,
    ],
    ['none', [['tmpfs', '/tmp', 'rw']], undefined],
  ];
  for (const [name, mounts, version] of cases) {
    it(name, () => {
      const info = mounts.map(([type, point, options], id) => `${id} 1 0:1 / ${point} rw - ${type} x ${options}`);
      const entries = mounts.map(([type, point]) => entry(type, point));
      assert.equal(hierarchyOf(entries, info.join('\n'))?.version, version);
    });
  }

  it('weight of shares', () => {
    assert.deepEqual([0, 2, 1024, 262_144, 1e9].map(sharesToWeight), [1, 1, 39, 10_000, 10_000]);
  });
});
