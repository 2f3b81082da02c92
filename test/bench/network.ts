// Throughput between pods of a lab against a bare veth pair, and queries a second of its DNS server:
//   KUBELAB_E2E_NAME=x node test/dist/e2e/control.js up; KUBELAB_E2E_NAME=x node test/dist/bench/network.js [seconds]
// Needs Debian's iperf3 and dnsperf. Each figure is taken in turn, with nothing else of this program running.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getJson, kubectl, kubectlInput, type Pod } from '../e2e/lib/cluster.js';
import { eventually, run } from '../e2e/lib/exec.js';
import { clusterName, onNode } from '../e2e/lib/machine.js';

const seconds = process.argv[2] ?? '5';
const namespace = 'bench';
const port = 5201;
const enter = (netns: string, command: string[]) => ['nsenter', `--net=${netns}`, '--', ...command];

/** Where a pod's network namespace is: that of its sandbox's process. */
async function netnsOf(pod: string, node: string): Promise<string> {
  const docker = ['docker', '-H', `unix:///run/kubelab-${clusterName}/nodes/${node}/docker.sock`];
  const label = (name: string, value: string) => ['--filter', `label=io.kubernetes.${name}=${value}`];
  const filters = [...label('pod.namespace', namespace), ...label('pod.name', pod), '--filter', 'name=k8s_sh_'];
  const id = (await run([...docker, 'ps', '-q', ...filters])).trim();
  return `/proc/${(await run([...docker, 'inspect', '--format', '{{.State.Pid}}', id])).trim()}/ns/net`;
}

/** Gbit/s of one TCP stream from one namespace to an address of a server in another. */
async function throughput(from: string, to: string, address: string): Promise<number> {
  const [file = '', ...args] = enter(to, ['iperf3', '-s', '-1', '-p', String(port), '--forceflush']);
  const server: ChildProcess = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    if (server.stdout) {
      await once(server.stdout, 'data');
    }
    const client = ['iperf3', '-J', '-t', seconds, '-p', String(port), '-c', address];
    const said = JSON.parse(await run(enter(from, client))) as { end: { sum_received: { bits_per_second: number } } };
    return said.end.sum_received.bits_per_second / 1e9;
  } finally {
    server.kill();
  }
}

async function bareVeth(): Promise<number> {
  const [a, b] = [`${clusterName}-bench-a`, `${clusterName}-bench-b`];
  for (const netns of [a, b]) {
    await run(['ip', 'netns', 'add', netns]);
  }
  try {
    await run(['ip', '-n', a, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', b]);
    for (const [netns, address] of [
      [a, '192.0.2.1/24'],
      [b, '192.0.2.2/24'],
    ] as const) {
      await run(['ip', '-n', netns, 'address', 'add', address, 'dev', 'eth0']);
      await run(['ip', '-n', netns, 'link', 'set', 'eth0', 'up']);
    }
    return await throughput(`/run/netns/${a}`, `/run/netns/${b}`, '192.0.2.2');
  } finally {
    for (const netns of [a, b]) {
      await run(['ip', 'netns', 'delete', netns]);
    }
  }
}

function objects(): object[] {
  const container = { name: 'sh', image: 'kubelab/busybox', imagePullPolicy: 'IfNotPresent', command: ['sleep', '1h'] };
  const pod = (name: string, nodeName: string) => ({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name } } },
    spec: { nodeName, terminationGracePeriodSeconds: 0, containers: [container] },
  });
  const service = (name: string) => ({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name } },
    spec: { selector: { app: name }, ports: [{ port }] },
  });
  return [pod('client', 'node1'), pod('near', 'node1'), pod('far', 'node2'), service('near'), service('far')];
}

/** Queries a second over UDP to the Service of cluster DNS from a node, names of the cluster. */
async function dnsRate(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-bench-'));
  try {
    const names = ['kubernetes.default', 'kube-dns.kube-system', `near.${namespace}`, `far.${namespace}`];
    writeFileSync(join(dir, 'queries'), names.map((name) => `${name}.svc.cluster.local A\n`).join(''));
    const command = [
      'dnsperf',
      '-s',
      '10.96.0.10',
      '-d',
      join(dir, 'queries'),
      '-l',
      seconds,
      '-c',
      '8',
      '-Q',
      '200000',
    ];
    const said = await run(onNode('node1', command));
    return /Queries per second:\s+(\S+)/.exec(said)?.[1] ?? said;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

await kubectl('create', 'namespace', namespace);
try {
  await kubectlInput(
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects() }),
    '-n',
    namespace,
    'apply',
    '-f',
    '-',
  );
  await kubectl('-n', namespace, 'wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s');
  const ipOf = async (name: string) => (await getJson<Pod>('pod', name, '-n', namespace)).status.podIP ?? '';
  const serviceIp = (name: string) =>
    kubectl('-n', namespace, 'get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}');
  const client = await netnsOf('client', 'node1');
  const [near, far] = [await netnsOf('near', 'node1'), await netnsOf('far', 'node2')];
  process.stdout.write(`load average ${readFileSync('/proc/loadavg', 'utf8').trim()}\n`);
  const show = (what: string, value: number | string) =>
    process.stdout.write(`${what.padEnd(34)} ${typeof value === 'number' ? `${value.toFixed(1)} Gbit/s` : value}\n`);
  show('bare veth', await bareVeth());
  show('pod to pod, same node', await throughput(client, near, await ipOf('near')));
  show('pod to Service, same node', await eventually(async () => throughput(client, near, await serviceIp('near'))));
  show('pod to pod, other node', await throughput(client, far, await ipOf('far')));
  show('pod to Service, other node', await eventually(async () => throughput(client, far, await serviceIp('far'))));
  show('bare veth again', await bareVeth());
  show('DNS queries a second', await dnsRate());
} finally {
  await kubectl('delete', 'namespace', namespace, '--wait=true', '--timeout=60s');
}
