import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { dockerCgroupParent } from '../convert/cgroup-parent.js';
import { cgroupSamples } from '../metrics/read.js';
import { cgroupUsage, filesOf, parseGroups } from './cgroup.js';

const root = mkdtempSync(join(tmpdir(), 'kubelab-stats-'));
after(() => rmSync(root, { recursive: true }));

function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

const scope = 'kubepods.slice/kubepods-pod1.slice/docker-12ab.scope';
const v2 = parseGroups(`0::/${scope}\n`);
write({
  [`${scope}/memory.current`]: '8000\n',
  [`${scope}/memory.max`]: '16000\n',
  [`${scope}/memory.peak`]: '9000\n',
  [`${scope}/memory.swap.current`]: '0\n',
  [`${scope}/memory.stat`]:
    'anon 3000\nfile 5000\ninactive_file 1000\nfile_mapped 7\nkernel 70\npgfault 11\npgmajfault 2\n',
  [`${scope}/memory.events`]: 'low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n',
  [`${scope}/cpu.stat`]:
    'usage_usec 5000000\nuser_usec 3000000\nsystem_usec 2000000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 1000000\n',
  [`${scope}/pids.current`]: '3\n',
});

const v1 = parseGroups('4:memory:/k/x\n3:cpu,cpuacct:/k/x\n2:pids:/k/x\n1:name=systemd:/k/x\n0::/k/x\n');
write({
  'memory/k/x/memory.usage_in_bytes': '8000\n',
  'memory/k/x/memory.limit_in_bytes': '9223372036854771712\n',
  'memory/k/x/memory.max_usage_in_bytes': '9000\n',
  'memory/k/x/memory.failcnt': '5\n',
  'memory/k/x/memory.stat':
    'inactive_file 1\ntotal_inactive_file 1000\ntotal_rss 3000\ntotal_cache 5000\ntotal_pgfault 11\ntotal_pgmajfault 2\n',
  'memory/k/x/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
  'cpu/k/x/cpu.stat': 'nr_periods 10\nnr_throttled 4\nthrottled_time 1000000000\n',
  'cpuacct/k/x/cpuacct.usage': '5000000000\n',
  'cpuacct/k/x/cpuacct.stat': 'user 300\nsystem 200\n',
  'pids/k/x/pids.current': '3\n',
});

const common = {
  cpuNanos: 5e9,
  memoryUsage: 8000,
  workingSet: 7000,
  rss: 3000,
  pageFaults: 11,
  majorPageFaults: 2,
  processes: 3,
};

test('usage by cgroup v2', () => {
  assert.deepEqual(cgroupUsage(v2, true, root), { ...common, memoryLimit: 16_000, swapUsage: 0 });
});

test('usage by cgroup v1', () => {
  assert.deepEqual(cgroupUsage(v1, false, root), common);
});

test('no usage of a cgroup that is gone', () => {
  assert.equal(cgroupUsage(parseGroups('0::/gone\n'), true, root), undefined);
});

test('metrics are the same by both', () => {
  const samples = (groups: Map<string, string>, isV2: boolean) =>
    Object.fromEntries(
      cgroupSamples(filesOf(groups, isV2, root), isV2).map(({ name, labels, value }) => [
        [name, ...(labels ?? [])].join(),
        value,
      ]),
    );
  const expected = {
    container_cpu_cfs_periods_total: 10,
    container_cpu_cfs_throttled_periods_total: 4,
    container_cpu_cfs_throttled_seconds_total: 1,
    'container_cpu_usage_seconds_total,total': 5,
    container_cpu_user_seconds_total: 3,
    container_cpu_system_seconds_total: 2,
    container_memory_cache: 5000,
    container_memory_failcnt: 5,
    'container_memory_failures_total,pgfault,container': 11,
    'container_memory_failures_total,pgmajfault,container': 2,
    container_memory_max_usage_bytes: 9000,
    container_memory_rss: 3000,
    container_memory_swap: 0,
    container_memory_usage_bytes: 8000,
    container_memory_working_set_bytes: 7000,
    container_oom_events_total: 1,
  };
  assert.deepEqual(samples(v2, true), {
    ...expected,
    container_memory_kernel_usage: 70,
    container_memory_mapped_file: 7,
  });
  assert.deepEqual(samples(v1, false), {
    ...expected,
    container_memory_kernel_usage: 0,
    container_memory_mapped_file: 0,
  });
});

test('the parent cgroup by Docker’s driver', () => {
  const path = '/kubepods.slice/kubepods-pod1.slice';
  assert.equal(dockerCgroupParent(path, 'systemd'), 'kubepods-pod1.slice');
  assert.equal(dockerCgroupParent('/kubepods/pod1', 'cgroupfs'), '/kubepods/pod1');
});
