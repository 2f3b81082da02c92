import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { parseCgroupName, sliceName, slicePath } from '@kubelab/cri';
import type { ClusterConfig } from '../cluster/config.js';
import { entryPoint, type Layout, type NodeLayout } from '../cluster/layout.js';
import type { NodeConfig } from '../cluster/node-config.js';
import { removeCriPods } from '../components/cri-runtime.js';
import { dockerAnswers, removePodContainers } from '../components/dockerd.js';
import { cniConfDirOf } from '../components/node-agent.js';
import { controlPlaneProcesses, nodeProcesses } from '../components/processes.js';
import { stopDaemon } from '../process/daemon.js';
import { run, succeeds } from '../process/run.js';
import { waitFor } from '../process/wait.js';
import type { Report } from '../report.js';

/** Label that the CRI shim puts on the containers it makes; the value is its state folder. */
const ownerLabel = 'io.kubelab.cri.state-dir';

/**
 * Ends a node's processes and removes its containers, mounts, and what is left in its cgroup. `enter` runs a command
 * in the node's network; absent where that network is gone already, and with it its rules.
 */
export async function removeNode(
  node: NodeLayout,
  config: NodeConfig,
  report: Report,
  enter: ((command: string[]) => string[]) | undefined,
): Promise<void> {
  const processes = nodeProcesses(node, config).reverse();
  const dockerd = processes.find((spec) => spec.name === 'dockerd');
  for (const spec of processes.filter((candidate) => candidate !== dockerd)) {
    if (await stopDaemon(spec)) {
      report.line(`  ${config.nodeName}: ${spec.name} stopped`);
    }
  }
  if (config.criEndpoint) {
    const count = await removeCriPods(config.criEndpoint);
    report.line(`  ${config.nodeName}: ${count} pods removed`);
  } else if (await dockerAnswers(config.dockerSocket)) {
    const label = config.ownDocker ? undefined : `${ownerLabel}=${node.stateDir}/cri-docker`;
    const count = await removePodContainers(config.dockerSocket, label);
    report.line(`  ${config.nodeName}: ${count} containers removed`);
  }
  if (dockerd && (await stopDaemon(dockerd))) {
    report.line(`  ${config.nodeName}: dockerd stopped`);
  }
  await killOwnProcesses(node, config);
  await unmountBelow([node.stateDir, node.runDir]);
  if (enter) {
    await removeNetworkRules(enter, cniConfDirOf(node, config));
  }
}

/** What kube-proxy, the pod network and CNI left in the machine's network: chains, bridge, routes. */
async function removeNetworkRules(enter: (command: string[]) => string[], cniConfDir: string): Promise<void> {
  // In this order: network policies may name sets of kube-proxy's IPVS mode.
  await run(enter([process.execPath, entryPoint('node-network'), '--cleanup', `--cni-conf-dir=${cniConfDir}`]));
  await run(enter([process.execPath, entryPoint('kube-proxy'), '--cleanup']));
}

export async function removeControlPlane(layout: Layout, config: ClusterConfig, report: Report): Promise<void> {
  for (const spec of controlPlaneProcesses(layout, config).reverse()) {
    if (await stopDaemon(spec)) {
      report.line(`  ${spec.name} stopped`);
    }
  }
}

/** Deletes the cluster's folders; with keepData etcd's data and what is needed to read it stay. */
export function removeFolders(layout: Layout, keepData: boolean): void {
  rmSync(layout.runDir, { recursive: true, force: true });
  if (keepData) {
    for (const entry of existsSync(layout.stateDir) ? readdirSync(layout.stateDir) : []) {
      if (entry !== 'etcd') {
        rmSync(`${layout.stateDir}/${entry}`, { recursive: true, force: true });
      }
    }
    rmSync(`${layout.etcDir}/nodes`, { recursive: true, force: true });
    for (const file of ['node.json', 'kubelet.kubeconfig', 'bootstrap-kubelet.kubeconfig', 'node-ca.crt', 'cni']) {
      rmSync(`${layout.etcDir}/${file}`, { recursive: true, force: true });
    }
    return;
  }
  for (const dir of [layout.stateDir, layout.etcDir, layout.logDir]) {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Unmounts what is mounted below the folders, the deepest first. */
export async function unmountBelow(dirs: string[]): Promise<void> {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replace(/\\040/g, ' '))
    .filter((point) => dirs.some((dir) => point.startsWith(`${dir}/`)))
    .sort((a, b) => b.length - a.length);
  for (const point of points) {
    await succeeds(['umount', '-l', point]);
  }
}

/**
 * Ends what is left of the node after a dockerd that died without its containers: processes in the node's cgroup, and
 * containerd and its shims, whose command lines name the node's own run folder.
 */
async function killOwnProcesses(node: NodeLayout, config: NodeConfig): Promise<void> {
  const ours = (): number[] =>
    readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number)
      .filter((pid) => pid !== process.pid && belongsTo(pid, node, config));
  for (const pid of ours()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
        throw error;
      }
    }
  }
  await waitFor(async () => ours().length === 0, { what: `processes of ${config.nodeName} to end`, timeoutMs: 10_000 });
}

function belongsTo(pid: number, node: NodeLayout, config: NodeConfig): boolean {
  try {
    const cgroups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
    const roots = treePaths(config.cgroupRoot);
    const inCgroup = cgroups.split('\n').some((line) => roots.some((root) => line.includes(`:${root}/`)));
    if (inCgroup) {
      return true;
    }
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return config.ownDocker && command.includes(`${node.runDir}/docker/`);
  } catch {
    // The process ended while it was looked at.
    return false;
  }
}

/** Where a cgroup is in the tree: as the cgroupfs driver has it, and as systemd's. */
function treePaths(root: string): string[] {
  return [root, slicePath(parseCgroupName(root))];
}

/** Removes the cgroups below (and with) the given one, the deepest first, in every controller's hierarchy. */
export async function removeCgroups(root: string): Promise<void> {
  const slice = sliceName(parseCgroupName(root));
  if (existsSync('/run/systemd/system') && (await succeeds(['systemctl', 'is-active', '--quiet', slice]))) {
    await run(['systemctl', 'stop', slice]);
  }
  for (const base of ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)]) {
    for (const dir of treePaths(root).map((path) => `${base}${path}`)) {
      if (existsSync(dir)) {
        await succeeds(['find', dir, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+']);
      }
    }
  }
}
