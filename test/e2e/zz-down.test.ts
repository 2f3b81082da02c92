// Last of the suites: `up` on a running cluster changes nothing, and `down` leaves nothing behind.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { kubelab } from './lib/cluster.js';
import { run } from './lib/exec.js';
import { clusterName, onHost } from './lib/machine.js';
import { pidOf } from './lib/processes.js';

test('up on a running cluster says so and starts nothing', async () => {
  const said = await kubelab('up', '--nodes=2');
  assert.ok(said.includes(`Cluster ${clusterName} is here`), said);
  for (const name of [
    'supervisor',
    'etcd',
    'apiserver',
    'controller-manager',
    'scheduler',
    'node1: kubelet',
    'node2: dockerd',
  ]) {
    assert.match(said, new RegExp(`${name} is running`));
  }
});

test('status shows every process running', async () => {
  assert.doesNotMatch(await kubelab('status'), /DOWN|NotReady/);
});

test('down leaves no process, namespace, bridge, mount, chain, route, cgroup or file', async () => {
  const supervisor = pidOf('supervisor');
  const said = await kubelab('down');
  assert.ok(said.includes(`Cluster ${clusterName} is removed`), said);
  assert.equal(existsSync(`/proc/${supervisor}/exe`), false, 'the supervisor');
  for (const dir of ['/etc', '/var/lib', '/run', '/var/log']) {
    assert.equal(existsSync(`${dir}/kubelab-${clusterName}`), false, dir);
  }
  const own = `kubelab-${clusterName}/`;
  const keeper = `kubelab-keeper-${clusterName}`;
  const processes = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return command.includes(own) || command.includes(keeper);
      } catch {
        return false; // ended in the meantime
      }
    });
  assert.deepEqual(processes, []);
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(own), false);
  assert.doesNotMatch(await run(['ip', 'netns', 'list']), new RegExp(`^${clusterName}-`, 'm'));
  assert.doesNotMatch(await run(onHost(['iptables-save'])), /KUBE/);
  assert.doesNotMatch(await run(onHost(['ip', 'link'])), new RegExp(`br-${clusterName}`));
  assert.doesNotMatch(await run(onHost(['ip', 'route'])), /10\.(244|96)\./);
  for (const controller of readdirSync('/sys/fs/cgroup')) {
    assert.equal(existsSync(`/sys/fs/cgroup/${controller}/kubelab-${clusterName}`), false, controller);
  }
});
