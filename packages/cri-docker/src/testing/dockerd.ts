/** For integration tests: a Docker daemon and a shim of their own, in a network namespace of their own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CriClient } from '@kubelab/cri';
import Docker from 'dockerode';

/** Parent of the cgroups of all pods of this test process. */
export const cgroupParent = `/kubelab-test-${process.pid}`;

const shimMain = fileURLToPath(new URL('../main.js', import.meta.url));

export interface TestRuntime {
  dir: string;
  /** Name of the network namespace daemon and shim are in. */
  netns: string;
  docker: Docker;
  cri: CriClient;
  startDocker(): Promise<void>;
  stopDocker(): Promise<void>;
  startShim(): Promise<void>;
  /** Ends the shim; SIGKILL by default. */
  stopShim(signal?: NodeJS.Signals): Promise<void>;
  shimLog(): string;
  close(): Promise<void>;
}

/** Starts dockerd, loads busybox as `test/busybox:1`, starts the shim. */
export async function startTestRuntime(dockerArgs: string[] = []): Promise<TestRuntime> {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-crit-'));
  const netns = `crit-${process.pid}-${Math.floor(Math.random() * 1e6)}`;
  run('ip', 'netns', 'add', netns);
  run('ip', '-n', netns, 'link', 'set', 'lo', 'up');
  writeCniConfig(join(dir, 'cni'));
  const socket = join(dir, 'docker.sock');
  const endpoint = join(dir, 'cri.sock');
  let dockerd: ChildProcess | undefined;
  let shim: ChildProcess | undefined;
  const docker = new Docker({ socketPath: socket });

  const runtime: TestRuntime = {
    dir,
    netns,
    docker,
    cri: CriClient.connect(endpoint),
    async startDocker() {
      dockerd = inNamespace(netns, join(dir, 'dockerd.log'), 'dockerd', [
        `--data-root=${join(dir, 'data')}`,
        `--exec-root=${join(dir, 'exec')}`,
        `--pidfile=${join(dir, 'docker.pid')}`,
        `--host=unix://${socket}`,
        ...['--bridge=none', '--iptables=false', '--ip-forward=false', '--exec-opt=native.cgroupdriver=cgroupfs'],
        ...dockerArgs,
      ]);
      await until(() => docker.ping());
    },
    async stopDocker() {
      await end(dockerd, 'SIGTERM');
      dockerd = undefined;
    },
    async startShim() {
      shim = inNamespace(netns, join(dir, 'shim.log'), process.execPath, [
        shimMain,
        `--container-runtime-endpoint=unix://${endpoint}`,
        `--docker-endpoint=unix://${socket}`,
        `--cni-conf-dir=${join(dir, 'cni')}`,
        '--cni-bin-dir=/usr/lib/cni',
        `--state-dir=${join(dir, 'state')}`,
        '--v=4',
      ]);
      await until(() => runtime.cri.version({}, { timeoutMs: 10_000 }));
    },
    async stopShim(signal = 'SIGKILL') {
      await end(shim, signal);
      shim = undefined;
    },
    shimLog: () => readFileSync(join(dir, 'shim.log'), 'utf8'),
    async close() {
      if (dockerd && shim) {
        const { items } = await runtime.cri.listPodSandbox({});
        for (const { id } of items) await runtime.cri.removePodSandbox({ pod_sandbox_id: id });
      }
      runtime.cri.close();
      await end(shim, 'SIGTERM');
      await end(dockerd, 'SIGTERM');
      run('ip', 'netns', 'delete', netns);
      unmountBelow(dir);
      removeCgroups(cgroupParent);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await runtime.startDocker();
    execFileSync('docker', ['-H', `unix://${socket}`, 'import', '-', 'test/busybox:1'], {
      input: busyboxTar(dir),
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    await runtime.startShim();
  } catch (error) {
    await runtime.close();
    throw error;
  }
  return runtime;
}

/** Polls until a call succeeds. */
export async function until<T>(attempt: () => Promise<T> | T, timeoutMs = 120_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(20);
    }
  }
}

function inNamespace(netns: string, log: string, command: string, args: string[]): ChildProcess {
  // nsenter and not `ip netns exec`, which mounts a /sys without cgroups. In a shell so that the log is appended to across restarts; exec keeps the process id.
  return spawn('nsenter', [`--net=/run/netns/${netns}`, 'sh', '-c', `exec "$0" "$@" >>${log} 2>&1`, command, ...args], {
    stdio: 'ignore',
  });
}

/** In each hierarchy; the groups of containers that are gone are below it. */
function removeCgroups(parent: string): void {
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n')) {
    const [, point = '', type] = line.split(' ');
    const path = `${point}${parent}`;
    if (type?.startsWith('cgroup') && existsSync(path)) {
      execFileSync('find', [path, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+']);
    }
  }
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Docker leaves its copy of the host's network namespace mounted. */
function unmountBelow(dir: string): void {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  for (const path of mounts.map((line) => line.split(' ')[1] ?? '').reverse()) {
    if (path.startsWith(`${dir}/`)) run('umount', '-l', path);
  }
}

function writeCniConfig(dir: string): void {
  mkdirSync(dir);
  const plugins = [
    {
      type: 'bridge',
      bridge: 'cni0',
      isDefaultGateway: true,
      ipMasq: false,
      ipam: { type: 'host-local', dataDir: join(dir, 'ipam'), ranges: [[{ subnet: '10.99.0.0/24' }]] },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ];
  writeFileSync(join(dir, '10-test.conflist'), JSON.stringify({ cniVersion: '1.0.0', name: 'test', plugins }));
}

/** A root file system of busybox alone, with links for its applets, and users for tests of groups. */
function busyboxTar(dir: string): Buffer {
  const root = join(dir, 'rootfs');
  for (const folder of ['bin', 'etc', 'tmp', 'var']) mkdirSync(join(root, folder), { recursive: true });
  execFileSync('cp', ['/bin/busybox', join(root, 'bin/busybox')]);
  execFileSync('chroot', [root, '/bin/busybox', '--install', '-s', '/bin']);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nalice:x:1000:\nextra:x:50000:alice\n');
  return execFileSync('tar', ['-c', '-C', root, '.'], { maxBuffer: 64 * 1024 * 1024 });
}
