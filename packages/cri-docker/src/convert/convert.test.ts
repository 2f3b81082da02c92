import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinuxContainerResourcesOutput, MountOutput } from '@kubelab/cri';
import type { HostFacts } from '../host.js';
import { dockerMounts } from './mounts.js';
import { dockerResources } from './resources.js';
import { securityOptions } from './security.js';
import { criSignal, dockerSignal } from './signals.js';
import { detailedState } from './states.js';

const host: HostFacts = { canLowerOomScore: true, oomScoreAdj: 0, cgroupV2: false, appArmor: true, seLinux: false };
const resources: LinuxContainerResourcesOutput = {
  cpu_period: 100_000,
  cpu_quota: 50_000,
  cpu_shares: 512,
  memory_limit_in_bytes: 1 << 20,
  memory_swap_limit_in_bytes: 0,
  oom_score_adj: -997,
  cpuset_cpus: '0-1',
  cpuset_mems: '',
  hugepage_limits: [],
  unified: {},
};

test('limits: no swap beyond the memory, a score only as low as permitted', () => {
  const full = dockerResources(resources, host);
  assert.deepEqual([full.Memory, full.MemorySwap, full.OomScoreAdj], [1 << 20, 1 << 20, -997]);
  const limited = dockerResources(resources, { ...host, canLowerOomScore: false, oomScoreAdj: -10 });
  assert.equal(limited.OomScoreAdj, -10);
  assert.equal(
    dockerResources({ ...resources, oom_score_adj: 900 }, { ...host, canLowerOomScore: false }).OomScoreAdj,
    900,
  );
  assert.equal(dockerResources({ ...resources, memory_limit_in_bytes: 0 }, host).MemorySwap, 0);
});

const wish = { privileged: false, seccomp: null, seccomp_profile_path: '', apparmor: null, selinux_options: null };

test('security profiles: new fields, deprecated strings, privileged', () => {
  assert.deepEqual(securityOptions(wish, host), ['seccomp=unconfined']);
  assert.deepEqual(securityOptions({ ...wish, seccomp_profile_path: 'runtime/default' }, host), []);
  const apparmor = { profile_type: 'Localhost' as const, localhost_ref: 'my-profile' };
  const runtimeDefault = { profile_type: 'RuntimeDefault' as const, localhost_ref: '' };
  assert.deepEqual(securityOptions({ ...wish, seccomp: runtimeDefault, apparmor, no_new_privs: true }, host), [
    'apparmor=my-profile',
    'no-new-privileges',
  ]);
  assert.deepEqual(securityOptions({ ...wish, apparmor_profile: 'localhost/old' }, host).at(-1), 'apparmor=old');
  const open = ['seccomp=unconfined', 'apparmor=unconfined'];
  assert.deepEqual(securityOptions({ ...wish, privileged: true, seccomp: runtimeDefault, apparmor }, host), open);
  assert.throws(() => securityOptions({ ...wish, apparmor }, { ...host, appArmor: false }), /AppArmor is not enabled/);
  assert.throws(() => securityOptions({ ...wish, seccomp_profile_path: 'odd' }, host), /unknown security profile/);
});

const mount: MountOutput = {
  container_path: '/c',
  host_path: '/h',
  readonly: true,
  selinux_relabel: true,
  propagation: 'PROPAGATION_HOST_TO_CONTAINER',
  uidMappings: [],
  gidMappings: [],
  recursive_read_only: false,
  image: null,
  image_sub_path: '',
};

test('mounts: relabelled ones as binds, read-only not recursive where Docker can tell', () => {
  const plain = dockerMounts([mount], { recursiveReadOnly: false, seLinux: false });
  assert.deepEqual(plain.mounts[0]?.BindOptions, { Propagation: 'rslave' });
  assert.deepEqual(dockerMounts([mount], { recursiveReadOnly: false, seLinux: true }).binds, ['/h:/c:ro,rslave,Z']);
  const able = { recursiveReadOnly: true, seLinux: false };
  assert.deepEqual(dockerMounts([mount], able).mounts[0]?.BindOptions, {
    Propagation: 'rslave',
    ReadOnlyNonRecursive: true,
  });
  const recursive = { ...mount, recursive_read_only: true, propagation: 'PROPAGATION_PRIVATE' as const };
  assert.deepEqual(dockerMounts([recursive], able).mounts[0]?.BindOptions, {
    ReadOnlyForceRecursive: true,
  });
  const unable = { recursiveReadOnly: false, seLinux: false };
  assert.deepEqual(dockerMounts([recursive], unable).mounts[0]?.BindOptions, {});
  assert.throws(() => dockerMounts([recursive], { ...unable, seLinux: true }), /relabel/);
  assert.throws(() => dockerMounts([{ ...recursive, readonly: false }], able), /must be read-only/);
  assert.throws(() => dockerMounts([{ ...mount, recursive_read_only: true }], able), /must be private/);
});

test('signals there and back', () => {
  for (const signal of ['SIGUSR1', 'SIGRTMINPLUS3', 'SIGRTMAXMINUS2', 'SIGTERM'] as const) {
    assert.equal(criSignal(dockerSignal(signal)), signal);
  }
  assert.equal(dockerSignal('SIGRTMINPLUS3'), 'SIGRTMIN+3');
  assert.deepEqual(
    [criSignal(undefined), criSignal('QUIT'), criSignal('9')],
    ['SIGTERM', 'SIGQUIT', 'RUNTIME_DEFAULT'],
  );
});

const zero = '0001-01-01T00:00:00Z';
const docker = {
  Status: 'created',
  Running: false,
  Paused: false,
  Restarting: false,
  OOMKilled: false,
  Dead: false,
  Pid: 0,
  ExitCode: 0,
  Error: '',
  StartedAt: zero,
  FinishedAt: zero,
};

test('states', () => {
  assert.equal(detailedState(docker, '5').state, 'CONTAINER_CREATED');
  const failed = detailedState({ ...docker, ExitCode: 127, Error: 'no such file' }, '5');
  assert.deepEqual(
    [failed.state, failed.exitCode, failed.reason, failed.finishedAt],
    ['CONTAINER_EXITED', 128, 'StartError', '5'],
  );
  const started = { ...docker, StartedAt: '2024-01-01T00:00:01.5Z' };
  assert.deepEqual(
    [
      detailedState({ ...started, Running: true }, '5').state,
      detailedState({ ...started, Running: true }, '5').startedAt,
    ],
    ['CONTAINER_RUNNING', '1704067201500000000'],
  );
  const ended = { ...started, FinishedAt: '2024-01-01T00:00:01.4Z', ExitCode: 137, OOMKilled: true };
  const { reason, exitCode, startedAt, finishedAt } = detailedState(ended, '5');
  assert.deepEqual([reason, exitCode, startedAt], ['OOMKilled', 137, finishedAt]);
});
