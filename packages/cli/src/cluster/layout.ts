import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The default cluster's name; only this one uses the folders without a suffix. */
export const defaultClusterName = 'kubelab';

/** Where the files of a cluster are. Two clusters of different names share no path. */
export interface Layout {
  name: string;
  etcDir: string;
  stateDir: string;
  runDir: string;
  logDir: string;
  pkiDir: string;
  adminKubeconfig: string;
  configFile: string;
}

/** Where the files of one node are. */
export interface NodeLayout {
  etcDir: string;
  stateDir: string;
  runDir: string;
  logDir: string;
  criSocket: string;
  kubeconfig: string;
  bootstrapKubeconfig: string;
  caFile: string;
  cniConfDir: string;
}

/** Folders of the cluster: /etc/kubelab, /var/lib/kubelab, /run/kubelab; other names are appended with a dash. */
export function layoutOf(name: string): Layout {
  const base = name === defaultClusterName ? 'kubelab' : `kubelab-${name}`;
  const etcDir = `/etc/${base}`;
  return {
    name,
    etcDir,
    stateDir: `/var/lib/${base}`,
    runDir: `/run/${base}`,
    logDir: `/var/log/${base}`,
    pkiDir: `${etcDir}/pki`,
    adminKubeconfig: `${etcDir}/admin.kubeconfig`,
    configFile: `${etcDir}/cluster.json`,
  };
}

/** Folders of a node: the cluster's own for the machine itself, a sub-folder each for the nodes of a lab. */
export function nodeLayoutOf(layout: Layout, labNode?: string): NodeLayout {
  const sub = (dir: string) => (labNode ? join(dir, 'nodes', labNode) : dir);
  const etcDir = sub(layout.etcDir);
  const runDir = sub(layout.runDir);
  return {
    etcDir,
    stateDir: sub(layout.stateDir),
    runDir,
    logDir: sub(layout.logDir),
    criSocket: join(runDir, 'cri.sock'),
    kubeconfig: join(etcDir, 'kubelet.kubeconfig'),
    bootstrapKubeconfig: join(etcDir, 'bootstrap-kubelet.kubeconfig'),
    caFile: join(etcDir, 'node-ca.crt'),
    cniConfDir: join(etcDir, 'cni', 'net.d'),
  };
}

/** Names the build that is on disk now: where it is and when it was made. */
export function buildId(): string {
  const file = entryPoint('cli', '.tsbuildinfo');
  return `${file} ${statSync(file).mtimeMs}`;
}

/** The built entry point of a package's process. */
export function entryPoint(packageName: string, file = 'main.js'): string {
  const packages = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
  return join(packages, packageName, 'dist', file);
}
