import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { executionConfig } from './cni.js';
import { loadConfigDir, parseConfigList } from './conflist.js';
import { NoNetworkConfigError } from './errors.js';
import { formatArgs } from './invoke.js';
import { formatResult, parseResult } from './version.js';

test('a single plugin configuration becomes a list of one', () => {
  const list = parseConfigList('{"cniVersion":"0.3.1","name":"n","type":"bridge","bridge":"b0"}', 'f');
  assert.equal(list.plugins.length, 1);
  assert.equal(list.plugins[0]?.bridge, 'b0');
});

for (const [what, text, message] of [
  ['no JSON', '{', /f: not valid JSON/],
  ['no name', '{"cniVersion":"1.0.0","plugins":[{"type":"x"}]}', /"name" must match/],
  ['unknown version', '{"cniVersion":"9.0.0","name":"n","plugins":[{"type":"x"}]}', /cniVersion "9.0.0" is not one of/],
  ['no plugins', '{"cniVersion":"1.0.0","name":"n","plugins":[]}', /at least one plugin/],
  ['no type', '{"cniVersion":"1.0.0","name":"n","plugins":[{}]}', /plugins\[0\] has no "type"/],
  ['a path as type', '{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"../sh"}]}', /is not a file name/],
] as const) {
  test(`a configuration with ${what} is refused`, () => assert.throws(() => parseConfigList(text, 'f'), message));
}

test('the first valid file of the directory wins; invalid ones are passed over and named if none is left', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'cni-conf-'));
  try {
    await assert.rejects(loadConfigDir(join(dir, 'absent')), NoNetworkConfigError);
    await writeFile(join(dir, '00-bad.conflist'), '{}');
    await writeFile(join(dir, '01-ignored.txt'), 'x');
    await assert.rejects(loadConfigDir(dir), /00-bad.conflist: "name" must match/);
    await writeFile(join(dir, '20-b.conflist'), '{"cniVersion":"1.0.0","name":"b","plugins":[{"type":"x"}]}');
    await writeFile(join(dir, '10-a.conf'), '{"cniVersion":"1.0.0","name":"a","type":"x"}');
    assert.equal((await loadConfigDir(dir)).name, 'a');
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('a plugin gets only the capabilities it declares, and never the declaration', () => {
  const config = executionConfig(
    { cniVersion: '1.0.0', name: 'n' },
    { type: 'portmap', capabilities: { portMappings: true, bandwidth: false }, snat: true },
    { portMappings: [{ hostPort: 80 }], bandwidth: { ingressRate: 1 }, ipRanges: [] },
    { cniVersion: '1.0.0' },
  );
  assert.deepEqual(config, {
    type: 'portmap',
    snat: true,
    cniVersion: '1.0.0',
    name: 'n',
    runtimeConfig: { portMappings: [{ hostPort: 80 }] },
    prevResult: { cniVersion: '1.0.0' },
  });
});

test('results convert between versions', () => {
  const old = parseResult(
    { cniVersion: '0.2.0', ip4: { ip: '10.0.0.2/24', gateway: '10.0.0.1', routes: [{ dst: '0.0.0.0/0' }] } },
    '0.2.0',
  );
  assert.deepEqual(old.ips, [{ address: '10.0.0.2/24', gateway: '10.0.0.1' }]);
  assert.deepEqual(old.routes, [{ dst: '0.0.0.0/0' }]);
  const mid = parseResult(
    { cniVersion: '0.4.0', ips: [{ version: '4', address: '10.0.0.2/24', interface: 0 }] },
    '0.4.0',
  );
  assert.deepEqual(mid.ips, [{ address: '10.0.0.2/24', interface: 0 }]);
  assert.deepEqual(formatResult(mid, '0.3.1').ips, [{ version: '4', address: '10.0.0.2/24', interface: 0 }]);
  assert.deepEqual(parseResult(formatResult(old, '0.2.0'), '0.2.0'), old);
  assert.throws(() => parseResult({ cniVersion: '7' }, '1.0.0'), /not supported/);
});

test('CNI_ARGS has no quoting: separators are refused', () => {
  assert.equal(formatArgs({ IgnoreUnknown: '1', K8S_POD_NAME: 'a' }), 'IgnoreUnknown=1;K8S_POD_NAME=a');
  assert.throws(() => formatArgs({ a: 'b;c' }), /cannot carry/);
});
