import { existsSync, readFileSync, rmSync } from 'node:fs';
import { parseCgroupName, sliceName } from '@kubelab/cri';
import type { NodeLayout } from '../cluster/layout.js';
import type { ProcessSpec } from '../process/daemon.js';
import { socketHttpOk } from '../process/health-probe.js';
import { run, succeeds } from '../process/run.js';
import { writeDockerdConfig } from './dockerd-config.js';

export interface DockerdCgroups {
  /** Path below which all containers are. */
  cgroupRoot: string;
  cgroupDriver?: 'cgroupfs' | 'systemd';
}

/** The socket of a node's own dockerd. */
export function ownDockerSocket(node: NodeLayout): string {
  return `${node.runDir}/docker.sock`;
}

/** The cgroup driver a dockerd of our own gets: systemd's where systemd runs the machine, and so owns its cgroups. */
export function ownCgroupDriver(): 'cgroupfs' | 'systemd' {
  return existsSync('/run/systemd/system') ? 'systemd' : 'cgroupfs';
}

/**
 * A dockerd of the node's own, beside any other on the machine: its own data, containerd and cgroup parent, and no
 * network of its own, since pods are wired by CNI.
 */
export function dockerdProcess(
  node: NodeLayout,
  { cgroupRoot, cgroupDriver = 'cgroupfs' }: DockerdCgroups,
): ProcessSpec {
  const parent = cgroupDriver === 'systemd' ? sliceName(parseCgroupName(cgroupRoot)) : cgroupRoot;
  const socket = ownDockerSocket(node);
  return {
    name: 'dockerd',
    runDir: node.runDir,
    logFile: `${node.logDir}/dockerd.log`,
    stopTimeoutMs: 30_000,
    command: [
      'dockerd',
      `--config-file=${node.runDir}/dockerd.json`,
      `--data-root=${node.stateDir}/docker`,
      `--exec-root=${node.runDir}/docker`,
      `--pidfile=${node.runDir}/docker.pid`,
      '-H',
      `unix://${socket}`,
      '--bridge=none',
      '--iptables=false',
      '--ip-forward=false',
      '--ip-masq=false',
      '--live-restore=true',
      `--cgroup-parent=${parent}`,
      `--exec-opt=native.cgroupdriver=${cgroupDriver}`,
      '--log-level=warn',
    ],
    ready: () => dockerAnswers(socket),
    live: (timeoutMs) => socketHttpOk(socket, '/_ping', timeoutMs),
    beforeStart: () => {
      removeStalePidFiles(node);
      writeDockerdConfig(`${node.runDir}/dockerd.json`);
    },
  };
}

/**
 * A dockerd that was killed leaves its pid files. When a pid in them is another process's by now, the next dockerd
 * would take that for a running daemon: it refuses to start for its own, and waits in vain for containerd's.
 */
function removeStalePidFiles(node: NodeLayout): void {
  rmSync(`${node.runDir}/docker.pid`, { force: true });
  const containerd = `${node.runDir}/docker/containerd/containerd.pid`;
  if (!commandOf(containerd).includes(`${node.runDir}/docker/containerd/`)) {
    rmSync(containerd, { force: true });
  }
}

/** The command line of the process that a pid file names; empty when there is no such file or process. */
function commandOf(pidFile: string): string {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      return '';
    }
    throw error;
  }
}

export function dockerAnswers(socket: string): Promise<boolean> {
  return succeeds(['docker', '-H', `unix://${socket}`, 'version', '--format', '{{.Server.Version}}']);
}

/** Removes containers, with their volumes: all, or those with the label where Docker is not ours alone. */
export async function removePodContainers(socket: string, label: string | undefined): Promise<number> {
  const docker = ['docker', '-H', `unix://${socket}`];
  const { stdout } = await run([...docker, 'ps', '-aq', ...(label ? ['--filter', `label=${label}`] : [])]);
  const ids = stdout.split('\n').filter(Boolean);
  if (ids.length > 0) {
    await run([...docker, 'rm', '-f', '-v', ...ids]);
  }
  return ids.length;
}
