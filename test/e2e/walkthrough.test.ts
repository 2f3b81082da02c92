// The README's walk-through with assertions, in its order: each step builds on the one before.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { getJson, kubectl, kubectlInput, type Pod, pods, tryKubectl } from './lib/cluster.js';
import { eventually, run } from './lib/exec.js';
import { startLoad } from './lib/load-client.js';
import {
  hostOutsideAddress,
  onHost,
  onNode,
  outside,
  outsideAddress,
  removeRouteToLab,
  routeToLab,
} from './lib/machine.js';
import { podNetwork } from './lib/pod-network.js';

interface Service {
  spec: { clusterIP: string; ports: { nodePort: number }[] };
}

interface Deployment {
  spec: { template: { spec: { containers: { readinessProbe?: object; env?: object[] }[] } } };
}

const namespace = 'walk';
let clusterIp = '';
let nodePort = 0;

const get = (url: string) => ['curl', '-sS', '--fail', '--max-time', '30', url];
/** So often that each of three endpoints answers. The server closes each connection. */
const getOften = (url: string) => [...get(url), ...Array.from({ length: 39 }, () => url)];
const kubectlIn = (...args: string[]) => kubectl('-n', namespace, ...args);

async function readyPods(count: number, selector = 'app=web') {
  return eventually(async () => {
    const found = await pods(namespace, selector);
    const ready = found.filter((pod) => pod.status.containerStatuses?.every((status) => status.ready));
    assert.equal(ready.length, count, `${ready.length} of ${count} pods are ready`);
    assert.equal(found.length, count);
    return ready;
  });
}

before(() => kubectl('create', 'namespace', namespace));
after(() => kubectl('delete', 'namespace', namespace, '--wait=true', '--timeout=300s'));

test('nodes: both are Ready, with their own address, container runtime and pod network', async () => {
  const wide = await kubectl('get', 'nodes', '-o', 'wide');
  for (const [name, address] of [
    ['node1', '10.30.0.11'],
    ['node2', '10.30.0.12'],
  ]) {
    assert.match(wide, new RegExp(`${name} +Ready .*${address} .*docker://`));
  }
  const nodes = await getJson<{ items: { spec: { podCIDR: string } }[] }>('nodes');
  assert.equal(new Set(nodes.items.map((node) => node.spec.podCIDR)).size, 2);
});

test('a deployment runs on both nodes and is exposed by a Service', async () => {
  const create = ['create', 'deployment', 'web', '--image=kubelab/httpd', '--replicas=3', '--dry-run=client'];
  const deployment = JSON.parse(await kubectlIn(...create, '-o', 'json')) as Deployment;
  // Without a probe a pod is ready when its process runs; on a busy machine that is before it listens. And there the
  // rules may take a while to follow a pod that ends.
  for (const container of deployment.spec.template.spec.containers) {
    container.readinessProbe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 };
    container.env = [{ name: 'DRAIN_SECONDS', value: '12' }];
  }
  await kubectlInput(JSON.stringify(deployment), '-n', namespace, 'create', '-f', '-');
  await kubectlIn('expose', 'deployment', 'web', '--port=80', '--target-port=8080', '--type=NodePort');
  await kubectlIn('rollout', 'status', 'deployment/web', '--timeout=300s');
  const ready = await readyPods(3);
  assert.deepEqual(new Set(ready.map((pod) => pod.spec.nodeName)), new Set(['node1', 'node2']));
  const service = await getJson<Service>('service', 'web', '-n', namespace);
  clusterIp = service.spec.clusterIP;
  nodePort = service.spec.ports[0]?.nodePort ?? 0;
  const wide = await kubectlIn('get', 'deploy,rs,po,svc,ep', '-o', 'wide');
  for (const text of [
    'deployment.apps/web',
    'replicaset.apps/web-',
    'pod/web-',
    'service/web',
    'endpoints/web',
    '3/3',
  ]) {
    assert.ok(wide.includes(text), `kubectl get -o wide shows ${text}:\n${wide}`);
  }
});

test('describe, logs and exec of a pod', async () => {
  const [pod] = await readyPods(3);
  const name = pod?.metadata.name ?? '';
  await eventually(async () => {
    const described = await kubectlIn('describe', 'pod', name);
    for (const text of ['Successfully assigned walk/', 'Created container', 'Started container', 'Image:', 'Ready']) {
      assert.ok(described.includes(text), `describe shows ${text}:\n${described}`);
    }
  });
  assert.equal((await kubectlIn('exec', name, '--', 'hostname')).trim(), name);
  const failing = await tryKubectl('-n', namespace, 'exec', name, '--', 'sh', '-c', 'echo out; echo err >&2; exit 7');
  assert.equal(failing.code, 7);
  assert.equal(failing.stdout, 'out\n');
  assert.match(failing.stderr, /^err\n/);
  await run(onHost(get(`http://${pod?.status.podIP}:8080/marker-of-the-log`)).concat(), {}).catch(() => undefined);
  await eventually(async () => assert.match(await kubectlIn('logs', name), /marker-of-the-log/));
});

test('the Service answers from the host, from a node and from a pod, spread over the pods of both nodes', async () => {
  const expected = new Set((await readyPods(3)).map((pod) => `${pod.metadata.name} v1`));
  const [client] = await readyPods(3);
  for (const [where, command] of [
    ['host', onHost(getOften(`http://${clusterIp}/`))],
    ['node1', onNode('node1', getOften(`http://${clusterIp}/`))],
    ['node2', onNode('node2', getOften(`http://${clusterIp}/`))],
    ['node port of node1', onHost(getOften(`http://10.30.0.11:${nodePort}/`))],
    ['node port of node2', onHost(getOften(`http://10.30.0.12:${nodePort}/`))],
  ] as const) {
    await eventually(async () => {
      const seen = new Set((await run(command)).trim().split('\n'));
      assert.deepEqual(seen, expected, `from ${where}`);
    });
  }
  const loop = `for i in $(seq 40); do timeout 30 wget -qO- http://${clusterIp}/; done`;
  const fromPod = await kubectlIn('exec', client?.metadata.name ?? '', '--', 'sh', '-c', loop);
  assert.deepEqual(new Set(fromPod.trim().split('\n')), expected, 'from a pod');
});

test("a node's iptables show kube-proxy's chains with statistic rules and DNAT", async () => {
  const rules = await run(onNode('node1', ['iptables-save', '-t', 'nat']));
  const jump = new RegExp(`-A KUBE-SERVICES -d ${clusterIp}/32 -p tcp .*--dport 80 -j (KUBE-SVC-[A-Z0-9]{16})`).exec(
    rules,
  );
  assert.ok(jump, rules);
  const chain = jump[1];
  assert.equal(rules.match(new RegExp(`-A ${chain} .*-m statistic --mode random --probability`, 'g'))?.length, 2);
  assert.equal(
    rules.match(/-A KUBE-SEP-[A-Z0-9]{16} -p tcp .*walk\/web.*-j DNAT --to-destination 10\.244\./g)?.length,
    3,
  );
  assert.match(rules, new RegExp(`-A KUBE-NODEPORTS .*--dport ${nodePort} -j KUBE-EXT-`));
});

test('pods reach pods of the other node without NAT, and the outside with masquerading', async () => {
  const all = await readyPods(3);
  const client = all.find((pod) => pod.spec.nodeName === 'node1');
  const server = all.find((pod) => pod.spec.nodeName === 'node2');
  assert.ok(client && server);
  await kubectlIn('exec', client.metadata.name, '--', 'wget', '-qO-', `http://${server.status.podIP}:8080/`);
  await eventually(
    async () => assert.ok((await kubectlIn('logs', server.metadata.name)).includes(`${client.status.podIP}`)),
    10_000,
  );
  // The world outside has no route to pods or nodes: an answer proves that the source was rewritten to the machine's.
  const program = fileURLToPath(new URL('./lib/address-server.js', import.meta.url));
  const [file = '', ...args] = outside([process.execPath, program, '9999']);
  const world = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(world.stdout, 'data');
    const source = await kubectlIn('exec', client.metadata.name, '--', 'nc', '-w', '30', outsideAddress, '9999');
    assert.equal(source.trim(), hostOutsideAddress);
  } finally {
    world.stdin.end();
  }
});

test('scale up, and a deleted pod is replaced', async () => {
  await kubectlIn('scale', 'deployment', 'web', '--replicas=5');
  const five = await readyPods(5);
  const victim = five[0]?.metadata.name ?? '';
  await kubectlIn('delete', 'pod', victim);
  const again = await readyPods(5);
  assert.ok(again.every((pod) => pod.metadata.name !== victim));
});

test('a rolling update and its undo lose no request: from a pod, from outside through either node, from the host', async () => {
  await kubectlIn('run', 'client', '--image=kubelab/busybox', '--image-pull-policy=IfNotPresent', '--', 'sleep', '1h');
  await kubectlIn('wait', '--for=condition=Ready', 'pod/client', '--timeout=300s');
  // Nodes are reached from outside as through a router; other tests rely on there being none.
  await routeToLab();
  const inClient = await podNetwork(await getJson<Pod>('pod', 'client', '-n', namespace));
  const loads = [
    startLoad(inClient, `http://${clusterIp}/`, 60),
    startLoad(outside, `http://10.30.0.11:${nodePort}/`, 60),
    startLoad(outside, `http://10.30.0.12:${nodePort}/`, 60),
    startLoad(onHost, `http://${clusterIp}/`, 20),
  ];
  await kubectlIn('set', 'image', 'deployment/web', 'httpd=kubelab/httpd:2');
  await kubectlIn('rollout', 'status', 'deployment/web', '--timeout=300s');
  await eventually(async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 10; i++) {
      seen.add((await run(onHost(get(`http://${clusterIp}/`)))).trim());
    }
    assert.ok(
      [...seen].every((body) => body.endsWith(' v2')),
      [...seen].join(', '),
    );
  });
  await kubectlIn('rollout', 'undo', 'deployment/web');
  await kubectlIn('rollout', 'status', 'deployment/web', '--timeout=300s');
  await readyPods(5);
  const results = await Promise.all(loads.map((stop) => stop()));
  await removeRouteToLab();
  assert.deepEqual(
    results.map(({ failures }) => failures),
    [[], [], [], []],
  );
  for (const { sent, answers } of results) {
    assert.ok(sent > 40, `${sent} requests`);
    const versions = new Set(Object.keys(answers).map((body) => body.split(' ').at(-1)));
    assert.deepEqual(versions, new Set(['v1', 'v2']));
  }
});
