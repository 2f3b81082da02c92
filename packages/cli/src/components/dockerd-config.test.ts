import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { writeDockerdConfig } from './dockerd-config.js';

const dir = mkdtempSync(join(tmpdir(), 'kubelab-dockerd-'));
after(() => rmSync(dir, { recursive: true }));

test("a node's own dockerd has the machine's mirrors, but not what its flags say", () => {
  const machine = join(dir, 'daemon.json');
  const file = join(dir, 'run/dockerd.json');
  const written = () => JSON.parse(readFileSync(file, 'utf8'));
  writeDockerdConfig(file, machine);
  assert.deepEqual(written(), {});
  const mirrors = { 'registry-mirrors': ['http://127.0.0.1:5000'] };
  writeFileSync(
    machine,
    JSON.stringify({ ...mirrors, 'exec-opts': ['native.cgroupdriver=systemd'], bip: '10.1.0.1/24' }),
  );
  writeDockerdConfig(file, machine);
  assert.deepEqual(written(), mirrors);
  writeFileSync(machine, '{ no json');
  assert.throws(() => writeDockerdConfig(file, machine), SyntaxError);
});
