// Usage of nodes and pods by the metrics API: kubectl top, who may read it, and a deployment that is scaled by its load.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { getJson, kubectl, kubectlInput, tryKubectl } from './lib/cluster.js';
import { eventually } from './lib/exec.js';

const namespace = 'metrics';
const rows = (output: string) =>
  output
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));

const burning = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'burn' },
  spec: {
    selector: { matchLabels: { app: 'burn' } },
    template: {
      metadata: { labels: { app: 'burn' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'loop',
            image: 'kubelab/busybox',
            command: ['sh', '-c', 'while :; do :; done'],
            resources: { requests: { cpu: '50m' }, limits: { cpu: '50m' } },
          },
        ],
      },
    },
  },
};

before(async () => {
  await kubectl('create', 'namespace', namespace);
  await kubectlInput(JSON.stringify(burning), '-n', namespace, 'create', '-f', '-');
  await kubectl('-n', namespace, 'autoscale', 'deployment', 'burn', '--cpu-percent=20', '--min=1', '--max=2');
});

after(async () => {
  await kubectl('delete', 'namespace', namespace, '--wait=true', '--timeout=300s');
});

test('kubectl top nodes and pods', async () => {
  await eventually(async () => {
    const nodes = rows(await kubectl('top', 'nodes', '--no-headers'));
    assert.deepEqual(nodes.map(([name]) => name).sort(), ['node1', 'node2']);
    for (const [, cpu = '', , memory = ''] of nodes) assert.match(`${cpu} ${memory}`, /^\d+m \d+Mi$/);
    const top = ['-n', 'kube-system', '-l', 'k8s-app=kube-dns', '--containers', '--no-headers'];
    const pods = rows(await kubectl('top', 'pods', ...top));
    assert.ok(pods.length > 0);
    for (const [, container, cpu = '', memory = ''] of pods) {
      assert.equal(container, 'dns');
      assert.match(`${cpu} ${memory}`, /^\d+m \d+Mi$/);
    }
  });
});

test('those who may view a namespace may see its usage, others may not', async () => {
  await kubectl('-n', namespace, 'create', 'rolebinding', 'ann', '--clusterrole=view', '--user=ann');
  const list = (user: string) => tryKubectl('get', 'podmetrics', '-n', namespace, `--as=${user}`);
  await eventually(async () => assert.equal((await list('ann')).code, 0));
  assert.match((await list('bob')).stderr, /User "bob" cannot list resource "pods" in API group "metrics.k8s.io"/);
});

test('a deployment is scaled by its load', async () => {
  await eventually(async () => {
    const { spec } = await getJson<{ spec: { replicas: number } }>('deployment', 'burn', '-n', namespace);
    assert.equal(spec.replicas, 2);
  });
  // Its status is written after the deployment.
  await eventually(async () => {
    const { status } = await getJson<{ status: { currentCPUUtilizationPercentage?: number } }>(
      'horizontalpodautoscalers.v1.autoscaling',
      'burn',
      '-n',
      namespace,
    );
    assert.ok((status.currentCPUUtilizationPercentage ?? 0) > 20);
  });
});
