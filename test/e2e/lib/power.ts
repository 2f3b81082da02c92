import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { main } from './cluster.js';
import { eventually, run, tryRun } from './exec.js';
import { clusterName, createMachine, onHost, removeMachine } from './machine.js';
import { runDir } from './processes.js';

const stateDir = `/var/lib/kubelab-${clusterName}`;

/**
 * What a power cut leaves of the suite's machine: files on disk. Every process ends at once; the kernel's state
 * (namespaces, links, rules, mounts, cgroups) and /run are gone.
 */
export async function powerCut(nodes: string[]): Promise<void> {
  await eventually(async () => {
    const left = ownProcesses();
    for (const pid of left) {
      await tryRun(['kill', '-KILL', String(pid)]);
    }
    if (left.length > 0) {
      throw new Error(`still there: ${left.join(', ')}`);
    }
  });
  for (const point of mountsBelow([runDir, stateDir])) {
    await run(['umount', '-l', point]);
  }
  for (const node of nodes) {
    await run(['ip', 'netns', 'delete', `${clusterName}-${node}`]);
  }
  await removeMachine();
  for (const controller of readdirSync('/sys/fs/cgroup')) {
    const dir = `/sys/fs/cgroup/${controller}/kubelab-${clusterName}`;
    if (existsSync(dir)) {
      await run(['find', dir, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+']);
    }
  }
  rmSync(runDir, { recursive: true });
}

/** The machine again, and on it what its init starts: the supervisor. */
export async function powerOn(): Promise<void> {
  await createMachine();
  const log = openSync(`/var/log/kubelab-${clusterName}/supervisor.log`, 'a');
  const [file = '', ...args] = onHost([process.execPath, main, 'supervise', `--name=${clusterName}`, '--start-keeper']);
  // It outlives the suite.
  spawn(file, args, { detached: true, stdio: ['ignore', log, log] }).unref();
  closeSync(log);
}

/** The cluster's processes: those with a pid file, those in its nodes' cgroups, containerd and its shims. */
function ownProcesses(): number[] {
  const recorded = existsSync(runDir)
    ? readdirSync(runDir, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.pid') && !/\/docker(\/|\.pid)/.test(name))
        .map((name) => (JSON.parse(readFileSync(`${runDir}/${name}`, 'utf8')) as { pid: number }).pid)
    : [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => (recorded.includes(pid) ? existsSync(`/proc/${pid}/exe`) : isOfANode(pid)));
}

function isOfANode(pid: number): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`:/kubelab-${clusterName}/`) ||
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${runDir}/nodes/`)
    );
  } catch {
    return false; // ended in the meantime
  }
}

function mountsBelow(dirs: string[]): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => dirs.some((dir) => point.startsWith(`${dir}/`)))
    .sort((a, b) => b.length - a.length);
}
