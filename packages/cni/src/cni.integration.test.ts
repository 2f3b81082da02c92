import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Cni } from './cni.js';
import { CniError } from './errors.js';

// Debian's plugins create the bridge in the namespace they run in, so the whole test re-executes them inside a
// "host" namespace of its own through a wrapper directory; the container is a second namespace.
const id = `cnit${process.pid}`;
const host = `${id}h`;
const pod = `${id}p`;
const netns = `/run/netns/${pod}`;
let dir: string;
let cni: Cni;

const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' });
const inPod = (...args: string[]) => ip('netns', 'exec', pod, ...args);
const inHost = (...args: string[]) => ip('netns', 'exec', host, ...args);

async function conf(plugins: unknown[], cniVersion = '1.0.0'): Promise<void> {
  await writeFile(join(dir, 'net.d', '10-test.conflist'), JSON.stringify({ cniVersion, name: 'testnet', plugins }));
}

const bridge = () => ({
  type: 'bridge',
  bridge: 'cnitest0',
  isGateway: true,
  ipam: {
    type: 'host-local',
    dataDir: join(dir, 'ipam'),
    ranges: [[{ subnet: '10.99.7.0/24' }]],
    routes: [{ dst: '0.0.0.0/0' }],
  },
});

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cni-'));
  await mkdir(join(dir, 'net.d'));
  await mkdir(join(dir, 'bin'));
  ip('netns', 'add', host);
  ip('netns', 'add', pod);
  inHost('ip', 'link', 'set', 'lo', 'up');
  for (const plugin of ['bridge', 'portmap', 'loopback', 'bandwidth']) {
    const wrapper = join(dir, 'bin', plugin);
    await writeFile(wrapper, `#!/bin/sh\nexec nsenter --net=/run/netns/${host} /usr/lib/cni/${plugin}\n`);
    await chmod(wrapper, 0o755);
  }
  cni = new Cni({
    confDir: join(dir, 'net.d'),
    binDirs: [join(dir, 'bin'), '/usr/lib/cni'],
    cacheDir: join(dir, 'cache'),
  });
});

after(async () => {
  for (const ns of [pod, host]) ip('netns', 'del', ns);
  await rm(dir, { recursive: true });
});

for (const version of ['0.3.1', '0.4.0', '1.0.0']) {
  test(`ADD, CHECK and DEL of a chain at version ${version}`, async () => {
    await conf([bridge(), { type: 'portmap', capabilities: { portMappings: true } }], version);
    const attachment = {
      containerId: 'c1',
      netns,
      capabilities: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }], bandwidth: {} },
    };
    const result = await cni.add(attachment);
    assert.match(result.ips[0]?.address ?? '', /^10\.99\.7\.\d+\/24$/);
    assert.equal(result.ips[0]?.gateway, '10.99.7.1');
    assert.ok(result.interfaces.some((i) => i.name === 'eth0' && i.sandbox === netns));
    assert.match(inPod('ip', '-br', 'addr', 'show', 'lo'), /127\.0\.0\.1/);
    // Nobody listens there: a refusal is the proof that the gateway was reached.
    assert.throws(() => inPod('bash', '-c', 'exec 3<>/dev/tcp/10.99.7.1/9'), /refused/);
    assert.match(inHost('iptables-save', '-t', 'nat'), /--dport 8080/);
    assert.deepEqual(await cni.cachedResult('c1'), result);
    if (version === '0.3.1') await assert.rejects(cni.check(attachment), /does not support CHECK/);

    // A new instance, as after a restart of the runtime, and the namespace's path no longer given.
    const restarted = new Cni({
      confDir: join(dir, 'net.d'),
      binDirs: [join(dir, 'bin'), '/usr/lib/cni'],
      cacheDir: join(dir, 'cache'),
    });
    await restarted.del({ containerId: 'c1', netns });
    await restarted.del({ containerId: 'c1', netns: '' });
    assert.doesNotMatch(inHost('iptables-save', '-t', 'nat'), /--dport 8080/);
    assert.throws(() => inPod('ip', 'link', 'show', 'eth0'));
    assert.deepEqual(await readdir(join(dir, 'cache', 'results')), []);
    assert.deepEqual(
      (await readdir(join(dir, 'ipam', 'testnet'))).filter((f) => /^\d/.test(f)),
      [],
    );
  });
}

// Of bridge alone: portmap 1.1.1's own CHECK looks for IPv6 chains that its ADD never made.
test('CHECK succeeds, and fails when the interface was taken away', async () => {
  await conf([bridge()]);
  await cni.add({ containerId: 'c2', netns });
  await cni.check({ containerId: 'c2', netns });
  inPod('ip', 'link', 'del', 'eth0');
  await assert.rejects(cni.check({ containerId: 'c2', netns }), CniError);
  await cni.del({ containerId: 'c2', netns });
});

test('a failing plugin: its error is reported and what ran before it is undone', async () => {
  const script = join(dir, 'bin', 'failing');
  const log = join(dir, 'failing.log');
  await writeFile(
    script,
    `#!/bin/sh\necho $CNI_COMMAND >> ${log}\n[ $CNI_COMMAND = DEL ] && exit 0\necho '{"cniVersion":"1.0.0","code":11,"msg":"busy","details":"later"}'\nexit 1\n`,
  );
  await chmod(script, 0o755);
  await conf([bridge(), { type: 'failing' }]);
  await assert.rejects(cni.add({ containerId: 'c3', netns }), (e: CniError) => {
    assert.equal(e.code, 11);
    assert.equal(e.retryable, true);
    assert.match(e.message, /plugin type="failing" failed \(add\): busy: later/);
    return true;
  });
  assert.equal(await readFile(log, 'utf8'), 'ADD\nDEL\n');
  assert.deepEqual(
    (await readdir(join(dir, 'ipam', 'testnet'))).filter((f) => /^\d/.test(f)),
    [],
  );
  await cni.del({ containerId: 'c3', netns });
});

test('DEL uses the configuration the container was added with', async () => {
  await conf([bridge()]);
  await cni.add({ containerId: 'c4', netns });
  await writeFile(
    join(dir, 'net.d', '10-test.conflist'),
    JSON.stringify({ cniVersion: '1.0.0', name: 'other', plugins: [{ type: 'absent' }] }),
  );
  await assert.rejects(cni.status(), /failed to find plugin "absent"/);
  await cni.del({ containerId: 'c4', netns });
  assert.throws(() => inPod('ip', 'link', 'show', 'eth0'));
});
