// Cost of kube-proxy with many Services:
// node test/bench/kube-proxy.mjs [--services 1000,5000,10000] [--mode iptables,nftables] [--backend nft] [--changes 20]
// Runs as root in a network namespace of its own; nothing of the machine's rules is touched.
// CPU is that of this process and of its children (iptables), kernel time included.
import { execFileSync, spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { createConnection } from 'node:net';
import { parseArgs } from 'node:util';
import { createLogger, Registry } from '../../packages/component-base/dist/index.js';
import { KubeProxy } from '../../packages/kube-proxy/dist/index.js';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000,5000,10000' },
    backend: { type: 'string', default: 'nft' },
    mode: { type: 'string', default: 'iptables,nftables' },
    changes: { type: 'string', default: '20' },
    inside: { type: 'boolean', default: false },
  },
});

if (!values.inside) {
  const ns = `kpbench${process.pid}`;
  const script = new URL(import.meta.url).pathname;
  for (const mode of values.mode.split(',')) {
    for (const n of values.services.split(',')) {
      execFileSync('ip', ['netns', 'add', ns]);
      try {
        const args = ['netns', 'exec', ns, process.execPath, script, '--inside', '--services', n, '--mode', mode];
        args.push('--backend', values.backend, '--changes', values.changes);
        spawnSync('ip', args, { stdio: 'inherit' });
      } finally {
        execFileSync('ip', ['netns', 'del', ns]);
      }
    }
  }
  process.exit(0);
}

const count = Number(values.services);
execFileSync('ip', ['link', 'set', 'lo', 'up']);
// Endpoints are addresses of lo, so that a connection through the rules can be made.
execFileSync('ip', ['addr', 'add', '10.244.0.1/16', 'dev', 'lo']);
execFileSync('ip', ['route', 'add', 'default', 'dev', 'lo']);

const clusterIp = (i) => `10.96.${Math.floor(i / 250)}.${(i % 250) + 1}`;
const service = (i, extra = {}) => ({
  metadata: { name: `svc-${i}`, namespace: 'bench' },
  spec: {
    type: 'ClusterIP',
    clusterIP: clusterIp(i),
    clusterIPs: [clusterIp(i)],
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    ...extra,
  },
});
const slice = (i, ips) => ({
  addressType: 'IPv4',
  metadata: { name: `svc-${i}-a`, namespace: 'bench', labels: { 'kubernetes.io/service-name': `svc-${i}` } },
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints: ips.map((ip) => ({
    addresses: [ip],
    nodeName: 'n1',
    conditions: { ready: true, serving: true, terminating: false },
  })),
});
const fake = (i, k) => `10.244.${1 + (i % 200)}.${1 + ((i + k) % 250)}`;

/** Seconds of CPU of this process and its ended children. */
async function cpu() {
  const { readFileSync } = await import('node:fs');
  const f = readFileSync('/proc/self/stat', 'utf8').replace(/.*\) /, '').split(' ');
  // utime, stime, cutime, cstime are fields 14 to 17, in ticks of 10 ms.
  return [11, 12, 13, 14].reduce((n, i) => n + Number(f[i]), 0) / 100;
}
const percentile = (list, p) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))];
const round = (x, d = 0) => Number(x.toFixed(d));

const options = (signal) => ({
  nodeName: 'n1',
  nodeIPs: [],
  clusterCidrs: ['10.244.0.0/16'],
  backend: values.backend,
  mode: values.mode,
  healthz: false,
  minSyncPeriodMs: 0,
  verifyPeriodMs: 0,
  metrics: new Registry(),
  logger: createLogger({ component: 'bench', format: 'text', verbosity: 0 }),
  signal,
});
function fill(to) {
  for (let i = 0; i < count; i++) {
    to.setService(service(i));
    to.setSlice(slice(i, i === count - 1 ? ['10.244.0.1'] : [fake(i, 0), fake(i, 1)]));
  }
}
async function takeOver() {
  const end = new AbortController();
  const next = await KubeProxy.create(options(end.signal));
  fill(next);
  const before = await cpu();
  const t = performance.now();
  const run = next.run();
  await next.settled();
  const result = { ms: round(performance.now() - t), cpu: round((await cpu()) - before, 2) };
  end.abort();
  await next.stop();
  await run;
  return result;
}

const stop = new AbortController();
const proxy = await KubeProxy.create(options(stop.signal));
fill(proxy);
const cpuBefore = await cpu();
const started = performance.now();
const running = proxy.run();
await proxy.settled();
const full = { ms: round(performance.now() - started), cpu: round((await cpu()) - cpuBefore, 2) };

async function measure(change) {
  const times = [];
  const before = await cpu();
  const n = Number(values.changes);
  for (let k = 0; k < n; k++) {
    change(k);
    const t = performance.now();
    await proxy.settled();
    times.push(performance.now() - t);
  }
  return {
    p50: round(percentile(times, 0.5)),
    p99: round(percentile(times, 0.99)),
    cpuMs: round((((await cpu()) - before) / n) * 1000),
  };
}

const last = count - 1;
// A server on one endpoint, changed in and out, tells when a connection follows.
const server = createServer((_q, s) => s.end('ok'));
await new Promise((r) => server.listen(8080, '10.244.0.1', r));
const endpoint = await measure((k) => proxy.setSlice(slice(last, [fake(last, k + 2), '10.244.0.1'])));
proxy.setSlice(slice(last, ['10.244.0.1']));
await proxy.settled();
const connects = [];
for (let k = 0; k < 200; k++) {
  const t = performance.now();
  await new Promise((resolve, reject) => {
    const c = createConnection(80, clusterIp(last), () => {
      connects.push(performance.now() - t);
      c.destroy();
      resolve();
    });
    c.on('error', reject);
  });
}
const added = await measure((k) => {
  proxy.setService(service(count + k));
  proxy.setSlice(slice(count + k, [fake(k, 0), fake(k, 1)]));
});
const removed = await measure((k) => {
  proxy.removeService(service(count + k));
  proxy.removeSlice(slice(count + k, []));
});
// A restart takes over what is there.
stop.abort();
await proxy.stop();
await running;
const again = await takeOver();
const row = (name, m) => `${name} p50 ${m.p50} ms, p99 ${m.p99} ms, CPU ${m.cpuMs} ms`;
console.log(`## ${count} Services of 2 endpoints, ${values.mode} ${values.mode === 'iptables' ? values.backend : ''}`);
console.log(`first full sync: ${full.ms} ms, CPU ${full.cpu} s`);
console.log(`restart: ${again.ms} ms, CPU ${again.cpu} s`);
console.log(row('endpoint change:', endpoint));
console.log(row('Service added:  ', added));
console.log(row('Service removed:', removed));
console.log(
  `connect to the last Service: p50 ${round(percentile(connects, 0.5), 3)} ms, p99 ${round(percentile(connects, 0.99), 3)} ms`,
);
console.log(`memory: ${round(process.memoryUsage().rss / 1e6)} MB`);
server.close();
server.closeAllConnections();
