// Measures a running cluster: pod start-up one at a time and thirty at once, and the memory of each process.
//   node test/dist/bench/cluster.js [KUBECONFIG]     default: /etc/kubelab/admin.kubeconfig
// Prints a table in Markdown. It makes a namespace of its own and deletes it.
import { readdirSync, readFileSync } from 'node:fs';
import type { V1Pod } from '@kubelab/api';
import { Client, loadKubeconfig } from '@kubelab/client';

const namespace = `bench-${process.pid}`;
const client = new Client({
  ...loadKubeconfig(process.argv[2] ?? '/etc/kubelab/admin.kubeconfig'),
  userAgent: 'bench',
});
const pods = client.resource<V1Pod>({ group: '', version: 'v1', resource: 'pods' }).namespace(namespace);

function podOf(name: string, nodeName?: string): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      nodeName,
      terminationGracePeriodSeconds: 0,
      containers: [
        { name: 'main', image: 'kubelab/busybox', imagePullPolicy: 'IfNotPresent', command: ['sleep', '3600'] },
      ],
    },
  } as V1Pod;
}

function isReady(pod: V1Pod): boolean {
  return (
    pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false
  );
}

/** Milliseconds from a pod's create call until a watcher sees that it is bound, that its kubelet has it, and Ready. */
interface Marks {
  bound: number;
  seen: number;
  ready: number;
}

const hasCondition = (pod: V1Pod, type: string) =>
  pod.status?.conditions?.some((condition) => condition.type === type) ?? false;

/** Creates the pods and waits until all are Ready. */
async function createAndWait(created: V1Pod[]): Promise<Marks[]> {
  const waiting = new Set(created.map((pod) => pod.metadata?.name ?? ''));
  const startedAt = new Map<string, number>();
  const marks = new Map<string, Partial<Marks>>();
  const took: Marks[] = [];
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(new Error('no pod became Ready within 120 s')), 120_000);
  const { metadata } = await pods.list();
  const watching = (async () => {
    for await (const event of pods.watch({ resourceVersion: metadata.resourceVersion, signal: stop.signal })) {
      const name = event.object.metadata?.name ?? '';
      if (!waiting.has(name)) continue;
      const elapsed = performance.now() - (startedAt.get(name) ?? 0);
      const seen = marks.get(name) ?? {};
      marks.set(name, seen);
      if (event.object.spec?.nodeName) seen.bound ??= elapsed;
      // The kubelet's first status brings this condition.
      if (hasCondition(event.object, 'Initialized')) seen.seen ??= elapsed;
      if (event.type === 'MODIFIED' && isReady(event.object)) {
        waiting.delete(name);
        took.push({ bound: seen.bound ?? elapsed, seen: seen.seen ?? elapsed, ready: elapsed });
        if (waiting.size === 0) {
          return;
        }
      }
    }
  })();
  await Promise.all(
    created.map((pod) => {
      startedAt.set(pod.metadata?.name ?? '', performance.now());
      return pods.create(pod);
    }),
  );
  await watching;
  clearTimeout(limit);
  stop.abort();
  if (waiting.size > 0) {
    throw new Error(`not Ready: ${[...waiting].join(', ')}`);
  }
  return took;
}

const percentile = (sorted: number[], p: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0;
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

/** Resident memory of our processes, by title, in MB. */
function memoryRows(): string[] {
  const rows: string[] = [];
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]?.trim() ?? '';
      if (!/^(kubelab-|etcd$|dockerd$)/.test(title)) {
        continue;
      }
      const kb = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
      rows.push(`| memory of ${title} (pid ${pid}) | ${Math.round(kb / 1024)} MB |`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ESRCH') {
        throw error;
      }
    }
  }
  return rows.sort();
}

const namespaces = client.resource({ group: '', version: 'v1', resource: 'namespaces' });
await namespaces.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
try {
  const nodes = await client.resource({ group: '', version: 'v1', resource: 'nodes' }).list();
  const node = nodes.items[0]?.metadata.name;
  const singles: Marks[] = [];
  for (let i = 0; i < 10; i++) {
    singles.push(...(await createAndWait([podOf(`single-${i}`)])));
  }
  const sorted = (mark: keyof Marks) => singles.map((marks) => marks[mark]).sort((a, b) => a - b);
  const single = sorted('ready');
  const began = performance.now();
  await createAndWait(Array.from({ length: 30 }, (_, index) => podOf(`burst-${index}`, node)));
  const burst = performance.now() - began;
  process.stdout.write(
    `${[
      '| measured | value |',
      '|---|---|',
      `| pod created -> Ready, one at a time, p50 of 10 | ${seconds(percentile(single, 0.5))} |`,
      `| - until it is bound to a node, p50 | ${seconds(percentile(sorted('bound'), 0.5))} |`,
      `| - until its kubelet has seen it, p50 | ${seconds(percentile(sorted('seen'), 0.5))} |`,
      `| pod created -> Ready, one at a time, slowest of 10 | ${seconds(percentile(single, 1))} |`,
      `| 30 pods at once on one node, until all are Ready | ${seconds(burst)} |`,
      ...memoryRows(),
    ].join('\n')}\n`,
  );
} finally {
  await namespaces.delete(namespace);
}
