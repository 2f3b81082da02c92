// The machine loses its power and comes back: all that is started is the supervisor, as a service of systemd would be.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { getJson, kubectl, kubelab, type Pod, pods } from './lib/cluster.js';
import { eventually, run } from './lib/exec.js';
import { onHost } from './lib/machine.js';
import { powerCut, powerOn } from './lib/power.js';

const namespace = 'reboot';
const nodes = ['node1', 'node2'];
const kubectlIn = (...args: string[]) => kubectl('-n', namespace, ...args);
const curl = (url: string) => ['curl', '-sS', '--fail', '--max-time', '20', url];

before(async () => {
  await kubectl('create', 'namespace', namespace);
  await kubectlIn('create', 'deployment', 'web', '--image=kubelab/httpd', '--replicas=2');
  await kubectlIn('expose', 'deployment', 'web', '--port=80', '--target-port=8080', '--type=NodePort');
  await kubectlIn('rollout', 'status', 'deployment/web', '--timeout=300s');
});

after(() => kubectl('delete', 'namespace', namespace, '--wait=true', '--timeout=300s'));

test('after a power cut the cluster comes back by itself, with its objects, pods and Services', async () => {
  const service = await getJson<{ spec: { clusterIP: string; ports: { nodePort: number }[] } }>(
    ...['service', 'web', '-n', namespace],
  );
  const before = await pods(namespace, 'app=web');
  await kubectlIn('create', 'configmap', 'marker', '--from-literal=acknowledged=yes');
  await powerCut(nodes);
  await powerOn();
  await eventually(async () => assert.doesNotMatch(await kubelab('status'), /DOWN|NotReady|no answer/));
  const kept = await getJson<{ data: Record<string, string> }>('configmap', 'marker', '-n', namespace);
  assert.equal(kept.data.acknowledged, 'yes');
  // The same pods, each with its container started again.
  await eventually(async () => {
    const now = await pods(namespace, 'app=web');
    assert.deepEqual(
      now.map((pod) => [pod.metadata.uid, pod.status.containerStatuses?.[0]?.restartCount, ready(pod)]).sort(),
      before.map((pod) => [pod.metadata.uid, 1, true]).sort(),
    );
  });
  const names = new Set(before.map((pod) => `${pod.metadata.name} v1`));
  for (const url of [
    `http://${service.spec.clusterIP}/`,
    ...['10.30.0.11', '10.30.0.12'].map((node) => `http://${node}:${service.spec.ports[0]?.nodePort}/`),
  ]) {
    await eventually(async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 16; i++) {
        seen.add((await run(onHost(curl(url)))).trim());
      }
      assert.deepEqual(seen, names, url);
    });
  }
  // Cluster DNS and what else the addons brought, by a pod that is new.
  const lookUp = ['nslookup', `web.${namespace}.svc.cluster.local`];
  const once = ['--restart=Never', '--image=kubelab/busybox', '--image-pull-policy=IfNotPresent'];
  await kubectlIn('run', 'client', ...once, '--', ...lookUp);
  // Its log has all, an attached client only what comes after it has arrived.
  await eventually(async () =>
    assert.equal((await getJson<Pod>('pod', 'client', '-n', namespace)).status.phase, 'Succeeded'),
  );
  const answer = await kubectlIn('logs', 'client');
  assert.ok(answer.includes(service.spec.clusterIP), answer);
});

function ready(pod: { status: { containerStatuses?: { ready: boolean }[] } }): boolean {
  return pod.status.containerStatuses?.every((status) => status.ready) ?? false;
}
