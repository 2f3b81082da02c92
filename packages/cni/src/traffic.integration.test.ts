// What pods get from the plugins, by traffic, with a configuration like the one that node-network writes: host ports,
// hairpin, bandwidth; and what is left after a runtime is killed.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Cni } from './cni.js';
import type { CniAttachment } from './types.js';

// A host (192.168.7.1 and .3), two pods on its bridge, and a client (192.168.7.2). IPv4 and IPv6.
const id = `cnitr${process.pid}`;
const ns = (name: string) => `${id}${name}`;
const children: ChildProcess[] = [];
let dir: string;
let cni: Cni;

const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const inNs = (name: string, ...command: string[]) => ip('netns', 'exec', ns(name), ...command);
const attachment = (containerId: string, capabilities: Record<string, unknown> = {}): CniAttachment => ({
  containerId,
  netns: `/run/netns/${ns(containerId)}`,
  capabilities,
});

const kubelab = () => ({
  cniVersion: '1.0.0',
  name: 'kubelab',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        dataDir: join(dir, 'ipam'),
        ranges: [[{ subnet: '10.99.8.0/24' }], [{ subnet: 'fd00:99:8::/64' }]],
        routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    { type: 'bandwidth', capabilities: { bandwidth: true } },
  ],
});

/** TCP 80 says who asks and sends or takes as many bytes as wanted; UDP 53 echoes. */
const server = `
  const http = require('http'), dgram = require('dgram');
  http.createServer((q, s) => {
    s.setHeader('connection', 'close');
    const size = Number(q.url.slice(1));
    if (q.method === 'PUT') q.resume().on('end', () => s.end('ok'));
    else s.end(size ? Buffer.alloc(size) : q.socket.remoteAddress.replace('::ffff:', ''));
  }).listen(80, '::', () => {
    const u = dgram.createSocket('udp6', (m, r) => u.send(m, r.port, r.address));
    u.bind(53, '::', () => console.log('up'));
  });`;
async function run(name: string, source: string, ...args: string[]): Promise<string> {
  const child = spawn('ip', ['netns', 'exec', ns(name), process.execPath, '-e', source, '--', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [data] = await once(child.stdout, 'data');
  return String(data).trim();
}
const get = (from: string, url: string) => inNs(from, 'curl', '-gs', '-m', '120', url);
/** Echoed text, or `none` after so many seconds without an answer: many where one must come. */
const echo = (from: string, host: string, port: number, seconds = 60) =>
  run(
    from,
    `const u = require('dgram').createSocket('udp4');
     u.on('message', (m) => { console.log(String(m)); process.exit(); }).on('error', () => { console.log('none'); process.exit(); });
     setTimeout(() => { console.log('none'); process.exit(); }, ${seconds * 1000});
     u.connect(${port}, '${host}', () => u.send('hello'));`,
  );

/** Waits until of a process group nothing runs any more: what got SIGKILL may end a moment later. */
async function groupEnded(group: number): Promise<void> {
  const runs = async (pid: string) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const [state = 'X', , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(pgrp) === group && !'ZX'.includes(state);
  };
  const pids = async () => (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  while ((await Promise.all((await pids()).map(runs))).includes(true)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cni-traffic-'));
  await mkdir(join(dir, 'net.d'));
  await mkdir(join(dir, 'bin'));
  await writeFile(join(dir, 'net.d', '10-kubelab.conflist'), JSON.stringify(kubelab()));
  for (const name of ['host', 'client', 'p1', 'p2']) {
    ip('netns', 'add', ns(name));
    inNs(name, 'ip', 'link', 'set', 'lo', 'up');
  }
  // As in cni.integration.test.ts: the plugins work on the namespace they run in.
  for (const plugin of ['bridge', 'ptp', 'portmap', 'loopback', 'bandwidth']) {
    const wrapper = join(dir, 'bin', plugin);
    await writeFile(wrapper, `#!/bin/sh\nexec nsenter --net=/run/netns/${ns('host')} /usr/lib/cni/${plugin}\n`);
    await chmod(wrapper, 0o755);
  }
  inNs(
    'host',
    'sysctl',
    '-qw',
    'net.ipv4.ip_forward=1',
    'net.ipv6.conf.all.forwarding=1',
    'net.ipv6.conf.default.accept_dad=0',
  );
  inNs('host', 'ip', 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns('client'));
  for (const address of ['192.168.7.1/24', '192.168.7.3/24']) inNs('host', 'ip', 'addr', 'add', address, 'dev', 'lan');
  inNs('host', 'ip', 'addr', 'add', 'fd00:7::1/64', 'dev', 'lan', 'nodad');
  inNs('host', 'ip', 'link', 'set', 'lan', 'up');
  inNs('client', 'ip', 'addr', 'add', '192.168.7.2/24', 'dev', 'eth0');
  inNs('client', 'ip', 'addr', 'add', 'fd00:7::2/64', 'dev', 'eth0', 'nodad');
  inNs('client', 'ip', 'link', 'set', 'eth0', 'up');
  for (const via of ['192.168.7.1', 'fd00:7::1']) inNs('client', 'ip', 'route', 'add', 'default', 'via', via);
  cni = new Cni({
    confDir: join(dir, 'net.d'),
    binDirs: [join(dir, 'bin'), '/usr/lib/cni'],
    cacheDir: join(dir, 'cache'),
  });
  await Promise.all(['p1', 'p2'].map((name) => run(name, server)));
});

after(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const name of ['host', 'client', 'p1', 'p2']) ip('netns', 'del', ns(name));
  await rm(dir, { recursive: true });
});

const addressOf = async (name: string, capabilities?: Record<string, unknown>) => {
  const { ips } = await cni.add(attachment(name, capabilities));
  return ips.map((i) => i.address.split('/')[0] ?? '');
};
const reserved = async () => (await readdir(join(dir, 'ipam', 'kubelab'))).filter((f) => /^[\d]+\.|:/.test(f));

test('host ports: TCP, UDP, one address of the host, from outside, the host, the pod itself and another', async () => {
  const portMappings = [
    { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
    { hostPort: 5300, containerPort: 53, protocol: 'udp' },
    { hostPort: 8081, containerPort: 80, protocol: 'tcp', hostIP: '192.168.7.3' },
  ];
  const [p1 = '', p1v6 = ''] = await addressOf('p1', { portMappings });
  await addressOf('p2');
  assert.equal(get('client', 'http://192.168.7.1:8080/'), '192.168.7.2');
  assert.equal(get('client', 'http://[fd00:7::1]:8080/'), 'fd00:7::2');
  assert.equal(await echo('client', '192.168.7.1', 5300), 'hello');
  assert.equal(get('client', 'http://192.168.7.3:8081/'), '192.168.7.2');
  assert.throws(() => get('client', 'http://192.168.7.1:8081/'));
  for (const from of ['host', 'p1', 'p2']) assert.ok(get(from, 'http://192.168.7.1:8080/'), from);
  assert.ok(get('host', 'http://127.0.0.1:8080/'));
  assert.equal(get('p2', `http://${p1}/`), (await cni.cachedResult('p2'))?.ips[0]?.address.split('/')[0]);
  assert.ok(get('p2', `http://[${p1v6}]/`));
  await cni.del(attachment('p1', { portMappings }));
  await cni.del(attachment('p2'));
  assert.throws(() => get('client', 'http://192.168.7.1:8080/'));
  assert.equal(await echo('client', '192.168.7.1', 5300, 1), 'none');
  assert.deepEqual(await reserved(), []);
});

test('bandwidth holds, in both directions, from the first second on', async () => {
  const rate = 16_000_000;
  const burst = rate / 10;
  const [p1 = ''] = await addressOf('p1', {
    bandwidth: { ingressRate: rate, ingressBurst: burst, egressRate: rate, egressBurst: burst },
  });
  const bytes = 3_000_000;
  // Less than a second's worth comes by the burst and what queues hold; a slow machine only takes longer.
  const least = ((bytes - rate / 8 / 2) * 8) / rate;
  const seconds = (...args: string[]) => {
    const url = `http://${p1}/${bytes}`;
    return Number(inNs('client', 'curl', '-gs', '-m', '600', '-o', '/dev/null', '-w', '%{time_total}', ...args, url));
  };
  const egress = seconds();
  assert.ok(egress >= least, `${bytes} bytes out of the pod in ${egress} s, not in ${least}`);
  await writeFile(join(dir, 'body'), Buffer.alloc(bytes));
  const ingress = seconds('-T', join(dir, 'body'));
  assert.ok(ingress >= least, `${bytes} bytes into the pod in ${ingress} s, not in ${least}`);
  await cni.del(attachment('p1'));
  assert.doesNotMatch(inNs('host', 'ip', '-br', 'link'), /bwp|ifb/);
});

test("another plugin's configuration that sorts before takes over; pods of before go as they came", async () => {
  const [p1 = ''] = await addressOf('p1');
  const ipam = { type: 'host-local', dataDir: join(dir, 'ipam'), ranges: [[{ subnet: '10.98.0.0/24' }]] };
  const other = {
    cniVersion: '0.4.0',
    name: 'other',
    plugins: [{ type: 'ptp', ipam: { ...ipam, routes: [{ dst: '0.0.0.0/0' }] } }],
  };
  await writeFile(join(dir, 'net.d', '05-other.conflist'), JSON.stringify(other));
  const [p2 = ''] = await addressOf('p2');
  assert.match(p2, /^10\.98\.0\./);
  assert.equal(get('p2', `http://${p1}/`), p2);
  await cni.del(attachment('p1'));
  assert.deepEqual(await reserved(), []);
  await rm(join(dir, 'net.d', '05-other.conflist'));
  await cni.del(attachment('p2'));
  assert.deepEqual(
    (await readdir(join(dir, 'ipam', 'other'))).filter((f) => /^\d/.test(f)),
    [],
  );
});

test('no address stays reserved when the runtime is killed in the middle of adds and deletes', async () => {
  await addressOf('p1');
  const churn = fileURLToPath(new URL('testing/churn.js', import.meta.url));
  for (let i = 0; i < 5; i++) {
    // In a process group of its own, so that the plugins under way die with it.
    const child = spawn(process.execPath, [churn, dir, `/run/netns/${ns('p2')}`, `gone${i}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    await once(child.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
    assert.ok(child.pid);
    const ended = once(child, 'exit');
    process.kill(-child.pid, 'SIGKILL');
    await ended;
    await groupEnded(child.pid);
    // What the killed plugins left in the namespace goes away with it, as a container's does.
    ip('netns', 'del', ns('p2'));
    ip('netns', 'add', ns('p2'));
  }
  // As if the cache had been lost: the address alone tells.
  await writeFile(join(dir, 'ipam', 'kubelab', '10.99.8.200'), 'lost\r\neth0');
  const failures: unknown[] = [];
  const deleted = await cni.collectGarbage(
    async () => new Set(['p1']),
    (containerId, error) => failures.push([containerId, error]),
  );
  assert.deepEqual(failures, []);
  assert.ok(deleted.includes('lost'), deleted.join());
  assert.equal((await reserved()).length, 2, 'IPv4 and IPv6 of p1');
  assert.deepEqual((await readdir(join(dir, 'cache', 'results'))).sort(), ['cni-loopback-p1-lo', 'kubelab-p1-eth0']);
  assert.deepEqual(
    await cni.collectGarbage(
      async () => new Set(['p1']),
      () => assert.fail(),
    ),
    [],
  );
  await cni.del(attachment('p1'));
  assert.deepEqual(await reserved(), []);
});
