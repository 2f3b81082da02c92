/** For integration tests: a node of its own: network namespace, dockerd, shim and agent, and an API server in memory. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { V1Pod } from '@kubelab/api';
import { CriClient } from '@kubelab/cri';
import { FakeApi } from './fake-api.js';

const packages = fileURLToPath(new URL('../../../', import.meta.url));
export const testImage = 'test/busybox:1';

export interface TestNode {
  dir: string;
  nodeIp: string;
  api: FakeApi;
  cri: CriClient;
  startAgent(extra?: string[]): Promise<void>;
  stopAgent(signal?: NodeJS.Signals): Promise<void>;
  stopShim(): Promise<void>;
  startShim(): Promise<void>;
  agentLog(): string;
  agentPid(): number;
  /** Creates a pod on the node and resolves with it. */
  run(name: string, spec: object, metadata?: object): V1Pod;
  pod(name: string): V1Pod | undefined;
  close(): Promise<void>;
}

/** Polls until a check gives a value; throws the description with the last state after the time. */
export async function until<T>(check: () => T | undefined | false, what: string, timeoutMs = 120_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = check();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`timed out waiting for ${what}`);
    await delay(10);
  }
}

/** Repeats an assertion until it holds; throws its last failure after the time. */
export async function eventually(check: () => Promise<void>, timeoutMs = 120_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}

export async function startTestNode(agentFlags: string[] = []): Promise<TestNode> {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-node-'));
  const id = String(process.pid % 60_000);
  const netns = `kln-${id}`;
  const subnet = freeSubnet();
  const nodeIp = `${subnet}.2`;
  ip('netns', 'add', netns);
  ip('-n', netns, 'link', 'set', 'lo', 'up');
  ip('link', 'add', `klh-${id}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns);
  ip('addr', 'add', `${subnet}.1/24`, 'dev', `klh-${id}`);
  ip('link', 'set', `klh-${id}`, 'up');
  ip('-n', netns, 'addr', 'add', `${nodeIp}/24`, 'dev', 'eth0');
  ip('-n', netns, 'link', 'set', 'eth0', 'up');
  ip('-n', netns, 'route', 'add', 'default', 'via', `${subnet}.1`);
  writeCni(join(dir, 'cni'));
  const api = new FakeApi();
  const server = await api.listen(`${subnet}.1`);
  writeFileSync(join(dir, 'kubelet.conf'), kubeconfig(server));
  const criSocket = join(dir, 'cri.sock');
  const dockerSocket = join(dir, 'docker.sock');
  const processes = new Map<string, ChildProcess>();
  const start = (name: string, command: string, args: string[]) => {
    const log = openSync(join(dir, `${name}.log`), 'a');
    const child = spawn('nsenter', [`--net=/run/netns/${netns}`, command, ...args], { stdio: ['ignore', log, log] });
    closeSync(log);
    processes.set(name, child);
  };
  const end = async (name: string, signal: NodeJS.Signals) => {
    const child = processes.get(name);
    processes.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  const cri = CriClient.connect(criSocket);
  const docker = (...args: string[]) =>
    execFileSync('docker', ['-H', `unix://${dockerSocket}`, ...args], { stdio: 'pipe' });
  start('dockerd', 'dockerd', [
    `--data-root=${join(dir, 'data')}`,
    `--exec-root=${join(dir, 'exec')}`,
    `--pidfile=${join(dir, 'docker.pid')}`,
    `--host=unix://${dockerSocket}`,
    ...['--bridge=none', '--iptables=false', '--ip-forward=false', '--exec-opt=native.cgroupdriver=cgroupfs'],
  ]);
  await eventually(async () => void docker('version'));
  const archive = join(dir, 'busybox.tar');
  makeImage(dir, archive);
  docker('import', archive, testImage);
  const node: TestNode = {
    dir,
    nodeIp,
    api,
    cri,
    async startShim() {
      start('shim', process.execPath, [
        join(packages, 'cri-docker/dist/main.js'),
        `--container-runtime-endpoint=unix://${criSocket}`,
        `--docker-endpoint=unix://${dockerSocket}`,
        `--cni-conf-dir=${join(dir, 'cni')}`,
        '--cni-bin-dir=/usr/lib/cni',
        `--state-dir=${join(dir, 'shim')}`,
      ]);
      await eventually(async () => void (await cri.version({}, { timeoutMs: 10_000 })));
    },
    stopShim: () => end('shim', 'SIGKILL'),
    async startAgent(extra = []) {
      start('agent', process.execPath, [
        join(packages, 'kubelet/dist/main.js'),
        `--kubeconfig=${join(dir, 'kubelet.conf')}`,
        `--container-runtime-endpoint=unix://${criSocket}`,
        '--hostname-override=test-node',
        `--node-ip=${nodeIp}`,
        `--root-dir=${join(dir, 'kubelet')}`,
        `--pod-manifest-path=${join(dir, 'manifests')}`,
        `--cgroup-root=/kubelab-test-${id}`,
        '--cluster-dns=10.96.0.10',
        '--proxy=false',
        '--v=1',
        ...agentFlags,
        ...extra,
      ]);
      await until(() => api.get('nodes', '', 'test-node'), 'the node');
    },
    stopAgent: (signal = 'SIGKILL') => end('agent', signal),
    agentLog: () => readFileSync(join(dir, 'agent.log'), 'utf8'),
    agentPid: () => processes.get('agent')?.pid ?? 0,
    run: (name, spec, metadata = {}) =>
      api.put('pods', {
        metadata: { name, namespace: 'default', ...metadata },
        spec: { nodeName: 'test-node', restartPolicy: 'Always', terminationGracePeriodSeconds: 5, ...spec },
        status: { phase: 'Pending' },
      }) as V1Pod,
    pod: (name) => api.get<V1Pod>('pods', 'default', name),
    async close() {
      await end('agent', 'SIGTERM');
      if (processes.has('shim')) {
        const { items } = await cri.listPodSandbox({});
        await Promise.all(items.map((item) => cri.removePodSandbox({ pod_sandbox_id: item.id })));
      }
      cri.close();
      await end('shim', 'SIGTERM');
      await end('dockerd', 'SIGTERM');
      api.close();
      ip('link', 'del', `klh-${id}`);
      ip('netns', 'delete', netns);
      unmountBelow(dir);
      rmSync(dir, { recursive: true, force: true });
      removeCgroups(`kubelab-test-${id}`);
    },
  };
  await node.startShim();
  return node;
}

/** A /24 of 10.97.0.0/16 that no interface of this machine is in: not even what a run that was killed left. */
function freeSubnet(): string {
  const taken = execFileSync('ip', ['-4', '-o', 'addr'], { encoding: 'utf8' });
  for (let i = 0; i < 250; i++) {
    const subnet = `10.97.${(process.pid + i) % 250}`;
    if (!taken.includes(` ${subnet}.`)) return subnet;
  }
  throw new Error('all networks below 10.97.0.0/16 are taken');
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function removeCgroups(name: string): void {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  for (const line of mounts) {
    const [, point = '', type] = line.split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    execFileSync('sh', [
      '-c',
      `test -d ${point}/${name} && find ${point}/${name} -depth -type d -exec rmdir {} + || true`,
    ]);
  }
}

function unmountBelow(dir: string): void {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  for (const path of mounts.map((line) => line.split(' ')[1] ?? '').reverse()) {
    if (path.startsWith(`${dir}/`)) execFileSync('umount', ['-l', path]);
  }
}

function kubeconfig(server: string): string {
  return `apiVersion: v1
kind: Config
clusters: [{ name: test, cluster: { server: "${server}" } }]
users: [{ name: test, user: { token: node } }]
contexts: [{ name: test, context: { cluster: test, user: test } }]
current-context: test
`;
}

function writeCni(dir: string): void {
  mkdirSync(dir);
  const ipam = { type: 'host-local', dataDir: join(dir, 'ipam'), ranges: [[{ subnet: '10.99.0.0/24' }]] };
  const bridge = { type: 'bridge', bridge: 'cni0', isDefaultGateway: true, ipMasq: false, ipam };
  const plugins = [bridge, { type: 'portmap', capabilities: { portMappings: true } }];
  writeFileSync(join(dir, '10-test.conflist'), JSON.stringify({ cniVersion: '1.0.0', name: 'test', plugins }));
}

/** A root file system of busybox alone. */
function makeImage(dir: string, archive: string): void {
  const root = join(dir, 'rootfs');
  for (const folder of ['bin', 'etc', 'tmp', 'var', 'root']) mkdirSync(join(root, folder), { recursive: true });
  execFileSync('cp', ['/bin/busybox', join(root, 'bin/busybox')]);
  execFileSync('chroot', [root, '/bin/busybox', '--install', '-s', '/bin']);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nalice:x:1000:\n');
  execFileSync('tar', ['-cf', archive, '-C', root, '.']);
}
