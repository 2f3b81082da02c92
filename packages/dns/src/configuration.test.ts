import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { withConfigMap } from './configuration.js';
import { systemNameservers } from './forward/resolv-conf.js';

const base = { upstreams: ['192.0.2.1'], stubDomains: { 'a.example': ['192.0.2.2'] }, hosts: '192.0.2.3 file' };

test("kube-dns's ConfigMap over the command line", () => {
  assert.deepEqual(withConfigMap(base, undefined), base);
  assert.deepEqual(withConfigMap(base, { data: { upstreamNameservers: ' ', stubDomains: '' } }), base);
  const data = {
    stubDomains: '{"b.example": ["192.0.2.4:5353", "[2001:db8::1]:53"], "A.example": ["192.0.2.5"]}',
    upstreamNameservers: '["192.0.2.6", "2001:db8::2"]',
    hosts: '192.0.2.7 map\n',
  };
  assert.deepEqual(withConfigMap(base, { data }), {
    upstreams: ['192.0.2.6', '2001:db8::2'],
    stubDomains: { 'a.example': ['192.0.2.5'], 'b.example': ['192.0.2.4:5353', '[2001:db8::1]:53'] },
    hosts: '192.0.2.3 file\n192.0.2.7 map\n',
  });
});

test('what is wrong in it is named', () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ stubDomains: '{' }, /^stubDomains is not JSON/],
    [{ stubDomains: '["192.0.2.1"]' }, /^stubDomains does not have the form/],
    [{ stubDomains: '{"a.example": "192.0.2.1"}' }, /^stubDomains does not have the form/],
    [{ stubDomains: '{"a b": ["192.0.2.1"]}' }, /^stubDomains: "a b" is no domain/],
    [{ stubDomains: '{"b.example": ["dns.example"]}' }, /^b.example: not a DNS server address: "dns.example"/],
    [{ upstreamNameservers: '["192.0.2.1:70000"]' }, /^upstreamNameservers: not a DNS server address/],
  ];
  for (const [data, message] of cases) {
    assert.throws(() => withConfigMap(base, { data }), { name: 'ConfigurationError', message });
  }
});

test("a machine's servers: systemd-resolved's own list for its stub, none without a file", async () => {
  const dir = await mkdtemp(join(tmpdir(), 'dns-'));
  const [file, resolved, absent] = ['resolv.conf', 'resolved.conf', 'absent'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  try {
    await writeFile(file, '# x\nnameserver 192.0.2.1\nsearch a\n nameserver 2001:db8::1\nnameserver fe80::1%eth0x y\n');
    await writeFile(resolved, 'nameserver 192.0.2.9\n');
    assert.deepEqual(await systemNameservers(file, resolved), ['192.0.2.1', '2001:db8::1', 'fe80::1%eth0x']);
    await writeFile(file, 'nameserver 127.0.0.53\noptions edns0 trust-ad\n');
    assert.deepEqual(await systemNameservers(file, resolved), ['192.0.2.9']);
    assert.deepEqual(await systemNameservers(file, absent), []);
    assert.deepEqual(await systemNameservers(absent, resolved), []);
  } finally {
    await rm(dir, { recursive: true });
  }
});
