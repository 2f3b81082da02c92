// kill -9 of each process in turn while a client requests a Service: what runs goes on, what was acknowledged is there,
// and the supervisor brings the process back, which then reconciles. The supervisor and its keeper bring each other back.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { getJson, kubectl, kubelab, pods, tryKubectl } from './lib/cluster.js';
import { eventually } from './lib/exec.js';
import { type LoadResult, startLoad } from './lib/load-client.js';
import { onHost } from './lib/machine.js';
import { pidOf, runningPidOf } from './lib/processes.js';

const namespace = 'survive';
let url = '';

const ofNode1 = ['kubelet', 'cri-docker', 'dockerd'];
const processes: [string, string, ...string[]] = [
  ...(['supervisor', 'supervisor-keeper'] as const),
  ...['etcd', 'apiserver', 'controller-manager', 'scheduler'],
  ...ofNode1.map((name) => `nodes/node1/${name}`),
];

before(async () => {
  await kubectl('create', 'namespace', namespace);
  await kubectl('-n', namespace, 'create', 'deployment', 'web', '--image=kubelab/httpd', '--replicas=4');
  await kubectl('-n', namespace, 'expose', 'deployment', 'web', '--port=80', '--target-port=8080');
  await kubectl('-n', namespace, 'rollout', 'status', 'deployment/web', '--timeout=300s');
  const service = await getJson<{ spec: { clusterIP: string } }>('service', 'web', '-n', namespace);
  url = `http://${service.spec.clusterIP}/`;
});

after(() => kubectl('delete', 'namespace', namespace, '--wait=true', '--timeout=300s'));

for (const name of processes) {
  test(`kill -9 of ${name}`, async () => {
    const before = await pods(namespace, 'app=web');
    const marker = `before-${name.replaceAll('/', '-')}`;
    await kubectl('-n', namespace, 'create', 'configmap', marker, '--from-literal=acknowledged=yes');
    const stop = startLoad((command) => onHost(command), url, 20);
    let result: LoadResult;
    try {
      const pid = pidOf(name);
      process.kill(pid, 'SIGKILL');
      await eventually(async () => assert.ok(!existsSync(`/proc/${pid}/exe`)));
      await eventually(async () => assert.ok(runningPidOf(name) && pidOf(name) !== pid, 'a new process runs'));
      await eventually(async () => assert.equal((await tryKubectl('get', '--raw', '/readyz')).code, 0));
    } finally {
      result = await stop();
    }
    assert.deepEqual(result.failures, [], `requests while ${name} was down`);
    const kept = await getJson<{ data: Record<string, string> }>('configmap', marker, '-n', namespace);
    assert.equal(kept.data.acknowledged, 'yes');
    const afterwards = await pods(namespace, 'app=web');
    assert.deepEqual(
      afterwards.map((pod) => `${pod.metadata.name} ${restarts(pod)}`).sort(),
      before.map((pod) => `${pod.metadata.name} ${restarts(pod)}`).sort(),
      'the same pods, not restarted',
    );
    // It reconciles: a change goes through all processes.
    await kubectl('-n', namespace, 'scale', 'deployment', 'web', '--replicas=5');
    await kubectl('-n', namespace, 'rollout', 'status', 'deployment/web', '--timeout=300s');
    await kubectl('-n', namespace, 'scale', 'deployment', 'web', '--replicas=4');
    await eventually(async () => assert.equal((await pods(namespace, 'app=web')).length, 4));
  });
}

test('status tells who was started again, and why', async () => {
  const said = await kubelab('status');
  assert.match(said, /control-plane +etcd +running +pid \d+ +restarts \d+ \(.+, .+\)\n/);
  assert.match(said, /node2 +kubelet +running +pid \d+\n/);
});

test('up starts a supervisor where none is left, and it takes on what runs', async () => {
  const [supervisor, keeper, ...others] = processes;
  const pids = others.map(pidOf);
  const ended = [pidOf(keeper), pidOf(supervisor)];
  for (const pid of ended) {
    process.kill(pid, 'SIGKILL');
  }
  assert.match(await kubelab('up'), /supervisor started[\s\S]* is up after/);
  assert.deepEqual(others.map(pidOf), pids);
  assert.ok(runningPidOf(supervisor) && runningPidOf(keeper) && !ended.includes(pidOf(supervisor)));
  assert.doesNotMatch(await kubelab('status'), /DOWN|NotReady/);
});

function restarts(pod: { status: { containerStatuses?: { restartCount: number }[] } }): number {
  return pod.status.containerStatuses?.reduce((sum, status) => sum + status.restartCount, 0) ?? 0;
}
