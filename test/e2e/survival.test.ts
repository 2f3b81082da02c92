// kill -9 of each process in turn while a client requests a Service: what runs goes on, what was acknowledged is there,
// and `kubelab up` brings the process back, which then reconciles.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { getJson, kubectl, kubelab, pods, tryKubectl } from './lib/cluster.js';
import { eventually } from './lib/exec.js';
import { startLoad } from './lib/load-client.js';
import { clusterName, onHost } from './lib/machine.js';

const namespace = 'survive';
let url = '';

const processes: { name: string; pidFile: string }[] = [
  ...['etcd', 'apiserver', 'controller-manager', 'scheduler'].map((name) => ({
    name,
    pidFile: `/run/kubelab-${clusterName}/${name}.pid`,
  })),
  ...['kubelet', 'cri-docker', 'dockerd'].map((name) => ({
    name: `${name} of node1`,
    pidFile: `/run/kubelab-${clusterName}/nodes/node1/${name}.pid`,
  })),
];

function pidOf(pidFile: string): number {
  return (JSON.parse(readFileSync(pidFile, 'utf8')) as { pid: number }).pid;
}

before(async () => {
  await kubectl('create', 'namespace', namespace);
  await kubectl('-n', namespace, 'create', 'deployment', 'web', '--image=kubelab/httpd', '--replicas=4');
  await kubectl('-n', namespace, 'expose', 'deployment', 'web', '--port=80', '--target-port=8080');
  await kubectl('-n', namespace, 'rollout', 'status', 'deployment/web', '--timeout=90s');
  const service = await getJson<{ spec: { clusterIP: string } }>('service', 'web', '-n', namespace);
  url = `http://${service.spec.clusterIP}/`;
});

after(() => kubectl('delete', 'namespace', namespace, '--wait=true', '--timeout=90s'));

for (const { name, pidFile } of processes) {
  test(`kill -9 of ${name}`, async () => {
    const before = await pods(namespace, 'app=web');
    const marker = `before-${name.replaceAll(' ', '-')}`;
    await kubectl('-n', namespace, 'create', 'configmap', marker, '--from-literal=acknowledged=yes');
    const stop = startLoad((command) => onHost(command), url, 20);
    const pid = pidOf(pidFile);
    process.kill(pid, 'SIGKILL');
    await eventually(async () => assert.ok(!existsSync(`/proc/${pid}/exe`)), 10_000);
    const said = await kubelab('up');
    assert.match(said, /is up after/);
    assert.notEqual(pidOf(pidFile), pid, 'a new process');
    await eventually(async () => assert.equal((await tryKubectl('get', '--raw', '/readyz')).code, 0));
    // It reconciles: a pod that is deleted now is replaced, by all processes together.
    const kept = await getJson<{ data: Record<string, string> }>('configmap', marker, '-n', namespace);
    assert.equal(kept.data.acknowledged, 'yes');
    const result = await stop();
    assert.deepEqual(result.failures, [], `requests while ${name} was down`);
    const afterwards = await pods(namespace, 'app=web');
    assert.deepEqual(
      afterwards.map((pod) => `${pod.metadata.name} ${restarts(pod)}`).sort(),
      before.map((pod) => `${pod.metadata.name} ${restarts(pod)}`).sort(),
      'the same pods, not restarted',
    );
    await kubectl('-n', namespace, 'scale', 'deployment', 'web', '--replicas=5');
    await kubectl('-n', namespace, 'rollout', 'status', 'deployment/web', '--timeout=90s');
    await kubectl('-n', namespace, 'scale', 'deployment', 'web', '--replicas=4');
    await eventually(async () => assert.equal((await pods(namespace, 'app=web')).length, 4));
  });
}

function restarts(pod: { status: { containerStatuses?: { restartCount: number }[] } }): number {
  return pod.status.containerStatuses?.reduce((sum, status) => sum + status.restartCount, 0) ?? 0;
}
