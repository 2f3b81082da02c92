/** What containers may do and see: users, capabilities, profiles, namespaces, mounts, limits. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { LinuxContainerSecurityContext, Mount } from '@kubelab/cri';
import { cgroupParent, startTestRuntime, type TestRuntime } from './testing/dockerd.js';
import { createContainer, image, output, runPod, startContainer, type TestPod, waitForExit } from './testing/pods.js';

let runtime: TestRuntime;
let pod: TestPod;
before(async () => {
  runtime = await startTestRuntime();
  pod = await runPod(runtime);
});
after(() => runtime.close());

async function secure(context: LinuxContainerSecurityContext, mounts: Mount[] = []): Promise<string> {
  return startContainer(runtime, pod, 'sleep 1000', { linux: { security_context: context }, mounts });
}

async function fails(id: string, script: string, message: RegExp): Promise<void> {
  const { exit_code, stderr, stdout } = await runtime.cri.execSync({
    container_id: id,
    cmd: ['/bin/sh', '-c', script],
    timeout: 120,
  });
  assert.notEqual(exit_code, 0, `${script} should fail: ${stdout}`);
  assert.match(stderr.toString(), message);
}

test('users and groups', async () => {
  const { cri } = runtime;
  const cases: [LinuxContainerSecurityContext, string][] = [
    [{ run_as_user: { value: 1234 } }, '1234:0:0'],
    [{ run_as_username: 'alice' }, '1000:1000:1000 50000'],
    [{ run_as_user: { value: 1000 }, supplemental_groups: [1234] }, '1000:1000:1000 1234 50000'],
    [{ run_as_user: { value: 1000 }, run_as_group: { value: 77 } }, '1000:77:77 50000'],
    [
      { run_as_user: { value: 1000 }, supplemental_groups: [1234], supplemental_groups_policy: 'Strict' },
      '1000:1000:1000 1234',
    ],
  ];
  for (const [context, expected] of cases) {
    const id = await secure(context);
    const [uid, gid, groups = ''] = (await output(cri, id, 'sh', '-c', 'id -u; id -g; id -G')).split('\n');
    const sorted = groups.split(' ').sort((a, b) => Number(a) - Number(b));
    assert.equal(`${uid}:${gid}:${sorted.join(' ')}`, expected);
    const user = (await cri.containerStatus({ container_id: id })).status?.user?.linux;
    const reported = [...(user?.supplemental_groups ?? [])].sort((a, b) => a - b);
    assert.equal(`${user?.uid}:${user?.gid}:${reported.join(' ')}`, expected);
  }
  await assert.rejects(secure({ run_as_group: { value: 5 } }), { code: 'INVALID_ARGUMENT' });
});

test('capabilities and privileged', async () => {
  const { cri } = runtime;
  const effective = async (context: LinuxContainerSecurityContext) =>
    BigInt(`0x${await output(cri, await secure(context), 'sh', '-c', 'grep CapEff /proc/self/status | cut -f2')}`);
  const netAdmin = 1n << 12n;
  assert.equal((await effective({})) & netAdmin, 0n);
  assert.notEqual((await effective({ capabilities: { add_capabilities: ['NET_ADMIN'] } })) & netAdmin, 0n);
  assert.equal(await effective({ capabilities: { drop_capabilities: ['ALL'] } }), 0n);
  assert.notEqual((await effective({ privileged: true })) & netAdmin, 0n);
});

test('read-only root, masked and read-only paths, no_new_privs', async () => {
  const { cri } = runtime;
  await fails(await secure({ readonly_rootfs: true }), 'touch /file', /Read-only file system/);
  await output(cri, await secure({}), 'touch', '/file');
  const masked = await secure({ masked_paths: ['/etc/group'], readonly_paths: ['/tmp'] });
  assert.equal(await output(cri, masked, 'cat', '/etc/group'), '');
  await fails(masked, 'touch /tmp/file', /Read-only file system/);
  const flag = 'grep NoNewPrivs /proc/self/status | cut -f2';
  assert.equal(await output(cri, await secure({ no_new_privs: true }), 'sh', '-c', flag), '1');
  assert.equal(await output(cri, await secure({}), 'sh', '-c', flag), '0');
});

test('seccomp: unconfined, default, of a file, and unconfined when nothing is said', async () => {
  const { cri } = runtime;
  const mode = async (context: LinuxContainerSecurityContext) =>
    output(cri, await secure(context), 'sh', '-c', 'grep Seccomp: /proc/self/status | cut -f2');
  assert.equal(await mode({}), '0');
  assert.equal(await mode({ seccomp: { profile_type: 'Unconfined' } }), '0');
  assert.equal(await mode({ seccomp: { profile_type: 'RuntimeDefault' } }), '2');
  const profile = join(runtime.dir, 'profile.json');
  const syscalls = [{ names: ['chmod', 'fchmodat'], action: 'SCMP_ACT_ERRNO' }];
  writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }));
  const local = { profile_type: 'Localhost' as const, localhost_ref: profile };
  await fails(await secure({ seccomp: local }), 'chmod 600 /etc/passwd', /Operation not permitted/);
  await output(cri, await secure({ seccomp: local, privileged: true }), 'chmod', '600', '/etc/passwd');
  await assert.rejects(secure({ seccomp: { profile_type: 'Localhost', localhost_ref: '/none.json' } }), /none.json/);
});

test('namespaces: of the pod, its own, the host’s, another container’s', async () => {
  const { cri } = runtime;
  const link = async (context: LinuxContainerSecurityContext, ns: string) =>
    output(cri, await secure(context), 'readlink', `/proc/self/ns/${ns}`);
  const options = (namespace_options: LinuxContainerSecurityContext['namespace_options']) => ({ namespace_options });
  const own = execFileSync('readlink', ['/proc/self/ns/pid'], { encoding: 'utf8' }).trim();
  const ofPod = await link(options({ pid: 'POD' }), 'pid');
  assert.equal(await link(options({ pid: 'POD' }), 'pid'), ofPod);
  assert.notEqual(await link(options({ pid: 'CONTAINER' }), 'pid'), ofPod);
  assert.equal(await link(options({ pid: 'NODE' }), 'pid'), own);
  const target = await secure(options({ pid: 'CONTAINER' }));
  const targetLink = await output(cri, target, 'readlink', '/proc/self/ns/pid');
  assert.equal(await link(options({ pid: 'TARGET', target_id: target }), 'pid'), targetLink);

  const hostIpc = execFileSync('readlink', ['/proc/self/ns/ipc'], { encoding: 'utf8' }).trim();
  assert.equal(await link(options({ ipc: 'NODE' }), 'ipc'), hostIpc);
  assert.notEqual(await link(options({}), 'ipc'), hostIpc);

  const onHost = await runPod(runtime, {
    linux: { security_context: { namespace_options: { network: 'NODE' } } },
  });
  const id = await startContainer(runtime, onHost, 'sleep 1000', {
    linux: { security_context: { namespace_options: { network: 'NODE' } } },
  });
  const netns = execFileSync('ip', ['netns', 'exec', runtime.netns, 'readlink', '/proc/self/ns/net'], {
    encoding: 'utf8',
  });
  assert.equal(await output(cri, id, 'readlink', '/proc/self/ns/net'), netns.trim());
  const { status } = await cri.podSandboxStatus({ pod_sandbox_id: onHost.id });
  assert.deepEqual([status?.state, status?.network?.ip], ['SANDBOX_READY', '']);
  await assert.rejects(
    runPod(runtime, { linux: { security_context: { namespace_options: { userns_options: { mode: 'POD' } } } } }),
    { code: 'INVALID_ARGUMENT' },
  );
});

test('sysctls of the pod, unknown runtime handlers', async () => {
  const { cri } = runtime;
  const own = await runPod(runtime, {
    linux: { sysctls: { 'kernel.shm_rmid_forced': '1', 'net.ipv4.ip_local_port_range': '2000 3000' } },
  });
  const id = await startContainer(runtime, own);
  assert.equal(await output(cri, id, 'cat', '/proc/sys/kernel/shm_rmid_forced'), '1');
  assert.equal(await output(cri, id, 'cat', '/proc/sys/net/ipv4/ip_local_port_range'), '2000\t3000');
  const config = { ...own.config, metadata: { ...own.config.metadata, attempt: 1 } };
  await assert.rejects(cri.runPodSandbox({ config, runtime_handler: 'gvisor' }), { code: 'INVALID_ARGUMENT' });
});

test('mounts: missing folders, links, read-only, propagation', async () => {
  const { cri } = runtime;
  const dir = join(runtime.dir, 'mounts');
  mkdirSync(join(dir, 'real'), { recursive: true });
  writeFileSync(join(dir, 'real/file'), 'content');
  symlinkSync(join(dir, 'real'), join(dir, 'link'));
  const id = await secure({}, [
    { host_path: join(dir, 'link'), container_path: '/link', readonly: true },
    { host_path: join(dir, 'made'), container_path: '/made' },
  ]);
  assert.equal(await output(cri, id, 'cat', '/link/file'), 'content');
  await fails(id, 'touch /link/other', /Read-only file system/);
  await output(cri, id, 'touch', '/made/inside');
  assert.ok(existsSync(join(dir, 'made/inside')));
  const { status } = await cri.containerStatus({ container_id: id });
  assert.equal(status?.mounts[0]?.host_path, join(dir, 'link'));

  const shared = join(dir, 'shared');
  mkdirSync(join(shared, 'sub'), { recursive: true });
  execFileSync('mount', ['--bind', shared, shared]);
  execFileSync('mount', ['--make-rshared', shared]);
  try {
    const mount = (propagation: Mount['propagation']): Mount[] => [
      { host_path: shared, container_path: '/shared', propagation },
    ];
    const [isolated, follower] = [
      await secure({}, mount('PROPAGATION_PRIVATE')),
      await secure({}, mount('PROPAGATION_HOST_TO_CONTAINER')),
    ];
    const both = await secure({ privileged: true }, mount('PROPAGATION_BIDIRECTIONAL'));
    await output(cri, both, 'mount', '-t', 'tmpfs', 'tmpfs', '/shared/sub');
    await output(cri, both, 'touch', '/shared/sub/new');
    assert.ok(existsSync(join(shared, 'sub/new')));
    assert.equal(await output(cri, follower, 'ls', '/shared/sub'), 'new');
    assert.equal(await output(cri, isolated, 'ls', '/shared/sub'), '');
    for (const one of [isolated, follower, both]) await cri.removeContainer({ container_id: one });
    execFileSync('umount', [join(shared, 'sub')]);
  } finally {
    execFileSync('umount', ['-l', shared]);
  }
});

test('recursive read-only mounts', async () => {
  const { cri } = runtime;
  const dir = join(runtime.dir, 'recursive');
  mkdirSync(join(dir, 'sub'), { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(dir, 'sub')]);
  try {
    const mount: Mount = { host_path: dir, container_path: '/mnt', readonly: true };
    await output(cri, await secure({}, [mount]), 'touch', '/mnt/sub/file');
    const recursive = [{ ...mount, recursive_read_only: true }];
    const id = await secure({}, recursive);
    await fails(id, 'touch /mnt/sub/other', /Read-only file system/);
    await output(cri, id, 'ls', '/mnt/sub/file');
    // The host's own mount is as it was, and nothing else is left.
    writeFileSync(join(dir, 'sub/host'), '');
    await cri.removeContainer({ container_id: id });
    assert.ok(existsSync(join(dir, 'sub/host')));
    assert.doesNotMatch(readFileSync('/proc/mounts', 'utf8'), new RegExp(`${runtime.dir}/state/`));
    const stages = join(runtime.dir, 'state/read-only');
    assert.deepEqual(existsSync(stages) ? readdirSync(stages) : [], []);
    const file = join(dir, 'sub/file');
    const ofFile = await secure({}, [{ ...mount, host_path: file, recursive_read_only: true }]);
    await fails(ofFile, 'echo >/mnt', /Read-only file system/);
    const shared: Mount = { ...mount, recursive_read_only: true, propagation: 'PROPAGATION_BIDIRECTIONAL' };
    await assert.rejects(secure({}, [shared]), { code: 'INVALID_ARGUMENT' });
  } finally {
    execFileSync('umount', ['-l', join(dir, 'sub')]);
  }
});

test('image volumes: read-only, part of an image, gone with the last container', async () => {
  const { cri } = runtime;
  const volume = (extra: Partial<Mount>): Mount[] => [
    { image: { image }, container_path: '/volume', readonly: true, ...extra },
  ];
  // Several at once: the image is laid out for the first and for all.
  const [id = '', ...others] = await Promise.all([1, 2, 3].map(() => secure({}, volume({}))));
  for (const other of others) await cri.removeContainer({ container_id: other });
  assert.equal(await output(cri, id, '/volume/bin/busybox', 'echo', 'runs'), 'runs');
  await fails(id, 'touch /volume/file', /Read-only file system/);
  const { status } = await cri.containerStatus({ container_id: id });
  const { image: found } = await cri.imageStatus({ image: { image } });
  assert.equal(status?.mounts[0]?.image?.image_ref, found?.id);
  const part = await secure({}, volume({ image_sub_path: 'etc' }));
  assert.match(await output(cri, part, 'cat', '/volume/passwd'), /alice/);
  await assert.rejects(secure({}, volume({ image_sub_path: 'none' })), /none/);
  await assert.rejects(secure({}, volume({ image_sub_path: '../..' })), /leaves the image/);
  await assert.rejects(secure({}, volume({ readonly: false })), /read-only/);
  await cri.removeContainer({ container_id: id });
  await cri.removeContainer({ container_id: part });
  const left = execFileSync('ls', [join(runtime.dir, 'state/image-volumes')], { encoding: 'utf8' });
  assert.equal(left, '');
});

test('an image may go while its volume is mounted', async () => {
  const { cri, docker } = runtime;
  const { Id: only } = await docker.getImage(image).inspect();
  const script = 'docker -H "$0" export "$1" | docker -H "$0" import - test/volume:1';
  const source = await docker.createContainer({ Image: only, Cmd: ['sh'] });
  execFileSync('sh', ['-c', script, `unix://${runtime.dir}/docker.sock`, source.id], { stdio: 'ignore' });
  await source.remove();
  const id = await secure({}, [{ image: { image: 'test/volume:1' }, container_path: '/volume', readonly: true }]);
  await cri.removeImage({ image: { image: 'test/volume:1' } });
  assert.match(await output(cri, id, 'cat', '/volume/etc/passwd'), /alice/);
  await cri.removeContainer({ container_id: id });
  assert.deepEqual(readdirSync(join(runtime.dir, 'state/image-volumes')), []);
});

test('limits are set, can be changed, and come back in the status', async () => {
  const { cri } = runtime;
  const id = await startContainer(runtime, pod, 'sleep 1000', {
    linux: {
      resources: {
        cpu_shares: 512,
        cpu_quota: 50_000,
        cpu_period: 100_000,
        memory_limit_in_bytes: 32 << 20,
        oom_score_adj: -500,
        cpuset_cpus: '0',
      },
    },
  });
  const before = (await cri.containerStatus({ container_id: id })).status?.resources?.linux;
  assert.deepEqual([before?.cpu_shares, before?.memory_limit_in_bytes, before?.cpuset_cpus], [512, 32 << 20, '0']);
  await cri.updateContainerResources({
    container_id: id,
    linux: { cpu_quota: 20_000, cpu_period: 100_000, cpu_shares: 256, memory_limit_in_bytes: 64 << 20 },
  });
  const now = (await cri.containerStatus({ container_id: id })).status?.resources?.linux;
  assert.deepEqual([now?.cpu_shares, now?.cpu_quota, now?.memory_limit_in_bytes], [256, 20_000, 64 << 20]);
  if (existsSync('/sys/fs/cgroup/memory')) {
    const file = `/sys/fs/cgroup/memory${cgroupParent}/${id}/memory.limit_in_bytes`;
    assert.equal(Number(readFileSync(file, 'utf8')), 64 << 20);
  }
});

test('environment, working directory, arguments, devices', async () => {
  const { cri } = runtime;
  const id = await createContainer(runtime, pod, '', {
    command: ['/bin/sh', '-c'],
    args: ['echo $KEY in $PWD; test -c /dev/zero2 && echo device'],
    envs: [{ key: 'KEY', value: 'a=b c' }],
    working_dir: '/tmp',
    devices: [{ host_path: '/dev/zero', container_path: '/dev/zero2', permissions: 'rwm' }],
    log_path: 'env.log',
  });
  await cri.startContainer({ container_id: id });
  const status = await waitForExit(cri, id);
  const lines = readFileSync(status.log_path, 'utf8').trim().split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(' F ')[1]),
    ['a=b c in /tmp', 'device'],
  );
});
