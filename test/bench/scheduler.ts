// Measures the scheduler against a real API server and etcd, all as processes of their own on this machine.
//   node test/dist/bench/scheduler.js [NODES] [PODS] [SCHEDULER]     default: 500 2000
// SCHEDULER is another binary to run instead (a kube-scheduler). Pods are queued first, then the scheduler starts;
// measured is the time from the first binding seen by a watch to the last, and the CPU time of the processes a pod
// (which a busy machine distorts less).
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { TestCluster } from '../integration/lib/cluster.js';
import type { ServiceProcess } from '../integration/lib/process.js';

const nodes = Number(process.argv[2] ?? 500);
const pods = Number(process.argv[3] ?? 2000);
const binary = process.argv[4];

async function parallel(total: number, at: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: at }, async () => {
      for (let i = next++; i < total; i = next++) await work(i);
    }),
  );
}

/** CPU time that a process has used, in milliseconds. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '').split(' ');
  const ticksPerSecond = 100;
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

const cluster = await TestCluster.start();
let foreign: ChildProcess | undefined;
let own: ServiceProcess | undefined;
try {
  await parallel(nodes, 32, (i) =>
    cluster.addNode(`node-${i}`, { labels: { 'topology.kubernetes.io/zone': `zone-${i % 3}` } }),
  );
  await parallel(pods, 32, (i) => cluster.addPod(`pod-${i}`, {}, '10m', { app: `app-${i % 20}` }));
  const { metadata } = await cluster.pods.list({ limit: 1 });
  const stop = new AbortController();
  const bound = new Set<string>();
  let first = 0;
  let last = 0;
  const watching = (async () => {
    for await (const { object } of cluster.pods.watch({
      resourceVersion: metadata.resourceVersion,
      signal: stop.signal,
    })) {
      if (!object.spec?.nodeName || bound.has(object.metadata?.uid ?? '')) continue;
      bound.add(object.metadata?.uid ?? '');
      last = performance.now();
      first ||= last;
      if (bound.size === pods) return;
    }
  })();
  const servers = () => [cpuMs(cluster.api.pid), cpuMs(cluster.api.etcd.pid)] as const;
  const before = servers();
  const started = performance.now();
  let pid = 0;
  if (binary) {
    const kubeconfig = await cluster.api.kubeconfigOf('system:kube-scheduler');
    const flags = ['--leader-elect=false', '--secure-port=0', '--kube-api-qps=100000', '--kube-api-burst=100000'];
    foreign = spawn(binary, [`--kubeconfig=${kubeconfig}`, ...flags], { stdio: 'ignore' });
    pid = foreign.pid ?? 0;
  } else {
    own = await cluster.run('scheduler', ['--leader-elect=false']);
    pid = own.pid;
  }
  await watching;
  stop.abort();
  const seconds = (last - first) / 1000;
  const after = servers();
  const perPod = (ms: number) => `${(ms / pods).toFixed(2)} ms`;
  console.log(
    '| nodes | pods | pods/s | first binding after start | CPU a pod: scheduler | API server | etcd | scheduler |',
  );
  console.log('|---|---|---|---|---|---|---|---|');
  const columns = [
    nodes,
    pods,
    Math.round((pods - 1) / seconds),
    `${((first - started) / 1000).toFixed(2)} s`,
    perPod(cpuMs(pid)),
    perPod(after[0] - before[0]),
    perPod(after[1] - before[1]),
    binary ?? 'this',
  ];
  console.log(`| ${columns.join(' | ')} |`);
} finally {
  if (foreign?.pid) {
    const gone = new Promise((resolve) => foreign?.once('exit', resolve));
    foreign.kill('SIGTERM');
    await gone;
  }
  await own?.end('SIGTERM');
  await cluster.stop();
  rmSync(cluster.api.directory, { recursive: true, force: true });
}
