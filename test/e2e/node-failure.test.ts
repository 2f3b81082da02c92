// A node whose cable is pulled: its own endpoints go, the others serve on without a failure, and it comes back as it was.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { getJson, kubectl, kubelab, type Pod, pods } from './lib/cluster.js';
import { eventually, run } from './lib/exec.js';
import { startLoad } from './lib/load-client.js';
import { clusterName, onHost, outside, removeRouteToLab, routeToLab } from './lib/machine.js';
import { podNetwork } from './lib/pod-network.js';

interface Service {
  spec: { clusterIP: string; ports: { nodePort: number }[] };
}
interface Slices {
  items: { endpoints: { nodeName: string; conditions: { ready: boolean } }[] }[];
}

const namespace = 'cable';
const kubectlIn = (...args: string[]) => kubectl('-n', namespace, ...args);
/** Shorter than the default, so that the suite need not wait a minute for a node to be given up. */
const gracePeriod = 'controller-manager.node-monitor-grace-period';

const cable = (state: 'up' | 'down') => run(onHost(['ip', 'link', 'set', `${clusterName}-v2`, state]));

before(async () => {
  await kubelab('up', `--extra-config=${gracePeriod}=20s`);
  await routeToLab();
  await kubectl('create', 'namespace', namespace);
  await kubectlIn('create', 'deployment', 'web', '--image=kubelab/httpd', '--replicas=4');
  await kubectlIn('expose', 'deployment', 'web', '--port=80', '--target-port=8080', '--type=NodePort');
  const pin = JSON.stringify({ spec: { nodeName: 'node1' } });
  const image = ['--image=kubelab/busybox', '--image-pull-policy=IfNotPresent'];
  await kubectlIn('run', 'client', ...image, `--overrides=${pin}`, '--', 'sleep', '1h');
  await kubectlIn('rollout', 'status', 'deployment/web', '--timeout=300s');
  await kubectlIn('wait', '--for=condition=Ready', 'pod/client', '--timeout=300s');
});

after(async () => {
  await cable('up');
  await removeRouteToLab();
  await kubectl('delete', 'namespace', namespace, '--wait=true', '--timeout=300s');
  await kubelab('up', `--extra-config=${gracePeriod}=`);
});

/** The nodes of the Service's ready endpoints, an entry each. */
async function readyNodes(): Promise<string[]> {
  const slices = await getJson<Slices>('endpointslices', '-n', namespace, '-l', 'kubernetes.io/service-name=web');
  return slices.items
    .flatMap(({ endpoints }) => endpoints)
    .flatMap(({ nodeName, conditions }) => (conditions.ready ? [nodeName] : []))
    .sort();
}

test('a node that is cut off loses only its own endpoints, and has them again afterwards', async () => {
  const { clusterIP, ports } = (await getJson<Service>('service', 'web', '-n', namespace)).spec;
  const before = await pods(namespace, 'app=web');
  const all = before.map((pod) => pod.spec.nodeName ?? '').sort();
  const ofNode1 = all.filter((name) => name === 'node1');
  assert.ok(ofNode1.length > 0 && ofNode1.length < all.length, 'pods on both nodes');
  await eventually(async () => assert.deepEqual(await readyNodes(), all));
  const inClient = await podNetwork(await getJson<Pod>('pod', 'client', '-n', namespace));

  await cable('down');
  await eventually(async () => assert.deepEqual(await readyNodes(), ofNode1));
  // The API knows; node1's rules follow within a moment, and what was under way may still fail in it.
  const curl = [
    'curl',
    '-s',
    '--fail',
    '--max-time',
    '20',
    ...Array.from({ length: 30 }, () => `http://${clusterIP}/`),
  ];
  await eventually(() => run(inClient(curl)));
  const loads = [
    startLoad(inClient, `http://${clusterIP}/`, 50),
    startLoad(outside, `http://10.30.0.11:${ports[0]?.nodePort}/`, 50),
  ];
  // The surviving node's pods are changed meanwhile.
  await kubectlIn('scale', 'deployment', 'web', `--replicas=${all.length + 1}`);
  await eventually(async () => assert.equal((await readyNodes()).length, ofNode1.length + 1));
  const results = await Promise.all(loads.map((stop) => stop()));
  for (const { sent, failures, answers } of results) {
    assert.deepEqual(failures, []);
    assert.ok(sent > 20, `${sent} requests`);
    const survivors = (await pods(namespace, 'app=web')).filter((pod) => pod.spec.nodeName === 'node1');
    const names = survivors.map((pod) => `${pod.metadata.name} v1`);
    assert.deepEqual(
      Object.keys(answers).filter((body) => !names.includes(body)),
      [],
    );
  }

  await cable('up');
  await eventually(async () => assert.deepEqual(await readyNodes(), [...all, 'node1'].sort()));
  const now = await pods(namespace, 'app=web');
  for (const pod of before) {
    const same = now.find(({ metadata }) => metadata.uid === pod.metadata.uid);
    assert.equal(same?.status.containerStatuses?.[0]?.restartCount, 0, `${pod.metadata.name} went on`);
  }
});
