// Queries a second that the DNS server answers on one core, and what one costs:
//   node test/dist/bench/dns.js [seconds]
// A server process of its own on loopback with 1,000 Services, a headless one of 3 endpoints and an upstream server of
// its own; dnsperf (Debian's) asks with at most 100 queries under way. On a busy machine CPU a query is the figure.
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, Registry } from '@kubelab/component-base';
import { ClusterState, ClusterZone, DnsMetrics, DnsServer, Forwarding, Resolver } from '@kubelab/dns';

const count = 1000;
const seconds = process.argv[2] ?? '5';

/** Answers each question with one address, of a TTL that outlasts the measurement. */
async function upstream(): Promise<string> {
  const socket = createSocket('udp4');
  socket.on('message', (m, peer) => {
    const end = m.indexOf(0, 12) + 5;
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1]);
    const answer = Buffer.concat([m.subarray(0, end), record]);
    answer.writeUInt16BE(0x8180, 2);
    answer.writeUInt16BE(1, 6);
    answer.fill(0, 8, 12);
    socket.send(answer, peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(socket.address() as AddressInfo).port}`;
}

function state(): ClusterState {
  const s = new ClusterState();
  s.setNamespace('default', true);
  for (let i = 0; i < count; i++) {
    const clusterIP = `10.96.${i >> 8}.${i & 255}`;
    s.setService({ metadata: { name: `s${i}`, namespace: 'default' }, spec: { clusterIP, ports: [{ port: 80 }] } });
  }
  s.setService({ metadata: { name: 'db', namespace: 'default' }, spec: { clusterIP: 'None', ports: [{ port: 80 }] } });
  s.setSlice({
    addressType: 'IPv4',
    metadata: { name: 'db-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'db' } },
    ports: [{ port: 80 }],
    endpoints: [1, 2, 3].map((i) => ({ addresses: [`10.244.0.${i}`], conditions: { ready: true } })),
  });
  return s;
}

/** The process that is measured: tells its port, then its CPU time and memory when asked. */
async function serve(): Promise<void> {
  const logger = createLogger({ component: 'bench', format: 'text', verbosity: 0 });
  const metrics = new DnsMetrics(new Registry(), 53, () => forwarding.forwarder.cacheSize);
  const cache = { maxEntries: 10_000, maxTtlSeconds: 3600, maxNegativeTtlSeconds: 3600 };
  const settings = { upstreams: [await upstream()], stubDomains: {}, hosts: '' };
  const forwarding = new Forwarding(settings, { timeoutMs: 2000, cache, onCache: (e) => metrics.cached(e) }, 30);
  const resolver = new Resolver({
    zone: new ClusterZone(state(), { domain: 'cluster.local', ttl: 30 }),
    forwarding: () => forwarding,
    isSynced: () => true,
  });
  const server = await DnsServer.start({ addresses: ['127.0.0.1'], port: 0, resolver, metrics, logger });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuUs: user + system, rss: process.memoryUsage.rss() });
  });
  process.send?.({ port: server.port });
}

async function ask<T>(child: ChildProcess): Promise<T> {
  child.send('usage');
  const [answer] = (await once(child, 'message')) as [T];
  return answer;
}

async function measure(): Promise<void> {
  const child = fork(process.argv[1] ?? '', ['serve']);
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-bench-'));
  try {
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    const numbers = Array.from({ length: count }, (_, i) => i);
    const kinds: [string, string[]][] = [
      ['cluster names', numbers.map((i) => `s${i}.default.svc.cluster.local A`)],
      ['names that are not', numbers.map((i) => `x${i}.default.svc.cluster.local A`)],
      ['a headless Service', ['db.default.svc.cluster.local A']],
      ['upstream, cached', numbers.map((i) => `n${i}.example A`)],
      [
        'search path of a pod',
        numbers
          .slice(0, 250)
          .flatMap((i) => [
            `n${i}.example.default.svc.cluster.local A`,
            `n${i}.example.svc.cluster.local A`,
            `n${i}.example.cluster.local A`,
            `n${i}.example A`,
          ]),
      ],
    ];
    process.stdout.write(`load average ${readFileSync('/proc/loadavg', 'utf8').trim()}\n`);
    for (const [kind, lines] of kinds) {
      const file = join(dir, 'queries');
      writeFileSync(file, `${lines.join('\n')}\n`);
      const dnsperf = (limit: string[]) =>
        spawnSync('dnsperf', ['-s', '127.0.0.1', '-p', String(port), '-d', file, '-c', '4', ...limit], {
          encoding: 'utf8',
        });
      // Once over all: compiled code and a filled cache.
      dnsperf(['-n', '5', '-l', '5']);
      const before = await ask<{ cpuUs: number }>(child);
      const said = dnsperf(['-l', seconds, '-q', '100']);
      const after = await ask<{ cpuUs: number; rss: number }>(child);
      const [, done] = /Queries completed:\s+(\d+)/.exec(said.stdout) ?? [];
      const [, rate] = /Queries per second:\s+(\S+)/.exec(said.stdout) ?? [];
      const [, lost] = /Queries lost:\s+(\d+)/.exec(said.stdout) ?? [];
      if (!done) throw new Error(`dnsperf said: ${said.stdout}${said.stderr}`);
      const us = (after.cpuUs - before.cpuUs) / Number(done);
      process.stdout.write(
        `${kind.padEnd(22)} ${Number(rate).toFixed(0).padStart(7)} queries/s  ${us.toFixed(1).padStart(5)} µs CPU a query` +
          ` = ${(1e6 / us).toFixed(0)}/s on one core  lost ${lost}  ${(after.rss / 2 ** 20).toFixed(0)} MiB\n`,
      );
    }
  } finally {
    child.kill();
    rmSync(dir, { recursive: true });
  }
}

await (process.argv[2] === 'serve' ? serve() : measure());
