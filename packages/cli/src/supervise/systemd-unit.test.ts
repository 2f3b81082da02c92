import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layoutOf } from '../cluster/layout.js';
import { unitName, unitText } from './systemd-unit.js';

test('the unit of the default cluster has no suffix', () => {
  assert.equal(unitName(layoutOf('kubelab')), 'kubelab.service');
  assert.equal(unitName(layoutOf('other')), 'kubelab-other.service');
});

test('the unit starts the command at boot, again when it ends, and leaves the other processes alone', () => {
  const text = unitText(layoutOf('other'), {
    command: ['/usr/bin/node', '/srv/my clone/main.js', 'supervise', '--name=other', '100%$x'],
    logFile: '/var/log/kubelab-other/supervisor.log',
    environment: { HTTPS_PROXY: 'http://user:p%40ss@proxy:3128' },
  });
  const settings = Object.fromEntries(text.split('\n').flatMap((line) => (line.includes('=') ? [split(line)] : [])));
  assert.equal(settings.ExecStart, '/usr/bin/node "/srv/my clone/main.js" supervise --name=other 100%%$$x');
  assert.equal(settings.Environment, 'HTTPS_PROXY=http://user:p%%40ss@proxy:3128');
  assert.equal(settings.StandardError, 'append:/var/log/kubelab-other/supervisor.log');
  assert.equal(settings.KillMode, 'process');
  assert.equal(settings.Restart, 'always');
  assert.equal(settings.WantedBy, 'multi-user.target');
});

function split(line: string): [string, string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}
