import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ResultCache } from './cache.js';

test('what a killed process had begun to write is removed, what others are writing is not', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-cni-cache-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const cache = new ResultCache(dir);
  await cache.removeAbandoned();
  const config = { cniVersion: '1.0.0', name: 'net', disableCheck: false, plugins: [], source: '' };
  await cache.write({
    ...{ kind: 'cniCacheV1', containerId: 'c', networkName: 'net', ifName: 'eth0', netns: '' },
    ...{ config, cniArgs: {}, capabilityArgs: {} },
  });
  const ended = spawnSync('true').pid;
  const results = join(dir, 'results');
  for (const pid of [ended, process.pid, process.ppid]) writeFileSync(join(results, `net-c-eth0.${pid}.tmp`), '{');
  await cache.removeAbandoned();
  const left = ['net-c-eth0', `net-c-eth0.${process.pid}.tmp`, `net-c-eth0.${process.ppid}.tmp`];
  assert.deepEqual(readdirSync(results).sort(), left.sort());
  assert.deepEqual(
    (await cache.list()).map(({ containerId }) => containerId),
    ['c'],
  );
});
