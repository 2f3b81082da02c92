import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { podResolvConf } from './resolv-conf.js';

const dir = mkdtempSync(join(tmpdir(), 'kubelab-resolv-'));
after(() => rmSync(dir, { recursive: true }));
const paths = { own: join(dir, 'own'), resolved: join(dir, 'resolved') };

test('pods inherit the servers that systemd-resolved asks, not its stub', () => {
  writeFileSync(paths.own, 'nameserver 127.0.0.53\noptions edns0\n');
  assert.equal(podResolvConf(paths), paths.own, 'no systemd-resolved');
  writeFileSync(paths.resolved, 'nameserver 10.0.2.3\n');
  assert.equal(podResolvConf(paths), paths.resolved);
  writeFileSync(paths.own, '# nameserver 127.0.0.53\nnameserver 10.0.2.3\nnameserver 127.0.0.1\n');
  assert.equal(podResolvConf(paths), paths.own, 'a server of the network');
});
