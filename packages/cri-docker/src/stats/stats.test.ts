import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Demux } from '../docker/demux.js';
import { resolvConf } from '../sandbox/network-files.js';
import { parseGroups } from './cgroup.js';
import { parseNetDev } from './network.js';
import { CpuRates } from './rates.js';

test('cgroups of a process, v1 and v2', () => {
  const v1 = parseGroups('4:memory:/kubepods/x\n3:cpu,cpuacct:/kubepods/y\n1:name=systemd:/\n0::/z\n');
  assert.deepEqual([v1.get('memory'), v1.get('cpuacct'), v1.get('')], ['/kubepods/x', '/kubepods/y', '/z']);
});

test('interfaces of /proc/net/dev', () => {
  const text = 'Inter-|   Receive\n face |bytes\n  eth0: 10 2 3 0 0 0 0 0 20 5 6 0 0 0 0 0\n';
  assert.deepEqual(parseNetDev(text), [
    {
      name: 'eth0',
      rx_bytes: { value: '10' },
      rx_errors: { value: '3' },
      tx_bytes: { value: '20' },
      tx_errors: { value: '6' },
    },
  ]);
});

test('rates need a while between two readings', () => {
  let now = 0;
  const rates = new CpuRates(() => now);
  assert.equal(rates.rate('a', 0), undefined);
  now = 500;
  assert.equal(rates.rate('a', 1e9), undefined);
  now = 2000;
  assert.equal(rates.rate('a', 1e9), 5e8);
  now = 2100;
  assert.equal(rates.rate('a', 9e9), 5e8);
});

test('Docker’s multiplexed output, however it is cut', () => {
  const frame = (stream: number, text: string) => {
    const head = Buffer.alloc(8);
    head.writeUInt8(stream);
    head.writeUInt32BE(text.length, 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  const sent = Buffer.concat([frame(1, 'out'), frame(2, 'err'), frame(1, ''), frame(1, 'more')]);
  for (const size of [1, 5, sent.length]) {
    const seen = { stdout: '', stderr: '' };
    const demux = new Demux((stream, chunk) => {
      seen[stream] += chunk;
    });
    for (let at = 0; at < sent.length; at += size) demux.push(sent.subarray(at, at + size));
    assert.deepEqual(seen, { stdout: 'outmore', stderr: 'err' });
  }
});

test('resolv.conf', () => {
  assert.equal(resolvConf(null), undefined);
  assert.equal(resolvConf({ servers: [], searches: [], options: [] }), undefined);
  assert.equal(
    resolvConf({ servers: ['1.1.1.1'], searches: ['a', 'b'], options: [] }),
    'search a b\nnameserver 1.1.1.1\n',
  );
});
