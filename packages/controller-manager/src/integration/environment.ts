import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, delay, loadKubeconfig, waitFor } from '@kubelab/client';
import { freePort } from '@kubelab/component-base/testing';
import { createCa, generateServiceAccountKeys, kubeconfig, signCertificate } from '@kubelab/pki';

const packages = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const startTimeoutMs = 180_000;

/** A control plane of its own for a test: etcd, API server and controller manager as processes, without nodes. */
export interface Environment {
  client: Client;
  kubeconfig: string;
  directory: string;
  /** Ends a process with SIGKILL and starts it again. */
  restart(name: 'etcd' | 'apiserver' | 'controller-manager'): Promise<void>;
  /** Ends the controller manager and starts it with other flags of the test's own. */
  restartControllers(controllerFlags: string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the control plane on free ports in a directory of its own. Logs are kept there until stop(). */
export async function startEnvironment(
  controllerFlags: string[] = [],
  apiServerFlags: string[] = [],
): Promise<Environment> {
  const directory = mkdtempSync(join(tmpdir(), 'kubelab-controllers-'));
  mkdirSync(join(directory, 'pki'));
  const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const processes = new Map<string, ChildProcess>();
  const starters = new Map<string, () => void>();
  const files = await writePki(directory, apiPort);
  const start = (name: string, command: string, args: string[]): void => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const log = createWriteStream(join(directory, `${name}.log`), { flags: 'a' });
    child.stdout?.pipe(log);
    child.stderr?.pipe(log);
    processes.set(name, child);
    starters.set(name, () => start(name, command, args));
  };
  start('etcd', 'etcd', [
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
    `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
    '--unsafe-no-fsync',
  ]);
  const file = (name: string): string => join(directory, 'pki', name);
  start('apiserver', process.execPath, [
    join(packages, 'apiserver', 'dist', 'main.js'),
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--secure-port=${apiPort}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--tls-cert-file=${file('apiserver.crt')}`,
    `--tls-private-key-file=${file('apiserver.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--service-account-key-file=${file('sa.pub')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--authorization-mode=Node,RBAC',
    '--enable-bootstrap-token-auth',
    '--allow-privileged',
    ...apiServerFlags,
  ]);
  const client = new Client(loadKubeconfig(files.admin));
  const startControllers = (flags: string[]): void =>
    start('controller-manager', process.execPath, [
      join(packages, 'controller-manager', 'dist', 'main.js'),
      `--kubeconfig=${files.controllerManager}`,
      '--secure-port=0',
      '--controllers=*,bootstrapsigner,tokencleaner',
      '--leader-elect=false',
      '--allocate-node-cidrs',
      '--cluster-cidr=10.244.0.0/16',
      '--service-cluster-ip-range=10.96.0.0/16',
      `--root-ca-file=${file('ca.crt')}`,
      `--service-account-private-key-file=${file('sa.key')}`,
      `--cluster-signing-cert-file=${file('ca.crt')}`,
      `--cluster-signing-key-file=${file('ca.key')}`,
      '--use-service-account-credentials',
      ...flags,
    ]);
  const ready = async (): Promise<void> => {
    await waitFor('the API server', () => isReady(client), { timeoutMs: startTimeoutMs });
  };
  const environment: Environment = {
    client,
    kubeconfig: files.admin,
    directory,
    async restart(name) {
      await end(processes.get(name), 'SIGKILL');
      starters.get(name)?.();
      if (name !== 'controller-manager') await ready();
    },
    async restartControllers(flags) {
      await end(processes.get('controller-manager'), 'SIGKILL');
      startControllers(flags);
    },
    async stop() {
      client.close();
      for (const name of ['controller-manager', 'apiserver', 'etcd']) await end(processes.get(name), 'SIGTERM');
      rmSync(directory, { recursive: true, force: true });
    },
  };
  try {
    await ready();
  } catch (cause) {
    const log = readFileSync(join(directory, 'apiserver.log'), 'utf8').slice(-2000);
    await environment.stop();
    throw new Error(`the API server did not get ready; the end of its log:\n${log}`, { cause });
  }
  startControllers(controllerFlags);
  return environment;
}

async function isReady(client: Client): Promise<boolean> {
  try {
    return (await client.request<string>('GET', '/readyz')) === 'ok';
  } catch {
    // Not listening yet, or not ready: waitFor asks again and fails in the end.
    return false;
  }
}

async function writePki(directory: string, apiPort: number): Promise<{ admin: string; controllerManager: string }> {
  const ca = await createCa('kubernetes');
  const serving = await signCertificate(ca, {
    commonName: 'kube-apiserver',
    dnsNames: ['localhost', 'kubernetes.default.svc'],
    ipAddresses: ['127.0.0.1', '10.96.0.1'],
    usages: ['server'],
  });
  const keys = await generateServiceAccountKeys();
  const write = (name: string, content: string): string => {
    const path = join(directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  write('pki/ca.crt', ca.certPem);
  write('pki/ca.key', ca.keyPem);
  write('pki/apiserver.crt', serving.certPem);
  write('pki/apiserver.key', serving.keyPem);
  write('pki/sa.key', keys.privatePem);
  write('pki/sa.pub', keys.publicPem);
  const config = async (userName: string, groups: string[]): Promise<string> => {
    const client = await signCertificate(ca, { commonName: userName, organizations: groups, usages: ['client'] });
    return kubeconfig({
      clusterName: 'test',
      server: `https://127.0.0.1:${apiPort}`,
      caPem: ca.certPem,
      userName,
      certPem: client.certPem,
      keyPem: client.keyPem,
    });
  };
  return {
    admin: write('admin.kubeconfig', await config('kubernetes-admin', ['system:masters'])),
    controllerManager: write('controller-manager.kubeconfig', await config('system:kube-controller-manager', [])),
  };
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  const graceMs = 30_000;
  const ended = await Promise.race([exited.then(() => true), delay(graceMs).then(() => false)]);
  if (!ended) {
    child.kill('SIGKILL');
    await exited;
  }
}
