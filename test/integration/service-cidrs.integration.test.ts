import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { V1ServiceCIDR } from '@kubelab/api';
import { Client, gvr, loadKubeconfig, waitFor } from '@kubelab/client';
import { createLogger, HealthRegistry, Registry, type RunningComponent } from '@kubelab/component-base';
import { startKubeProxy } from '@kubelab/kube-proxy';
import { TestCluster } from './lib/cluster.js';

// kube-proxy in nftables mode, with the rights that it has in a cluster, learns the ranges of cluster IPs.

const namespace = `cidrs${process.pid}`;
const stop = new AbortController();
let cluster: TestCluster;
let client: Client;
let proxy: RunningComponent | undefined;

before(async () => {
  execFileSync('ip', ['netns', 'add', namespace]);
  cluster = await TestCluster.start();
  client = new Client(loadKubeconfig(await cluster.api.kubeconfigOf('system:kube-proxy')));
  const none = { maxPerCore: 0, min: 0, mayLower: false, tcpEstablished: 0, tcpCloseWait: 0, udp: 0, udpStream: 0 };
  proxy = await startKubeProxy({
    client,
    nodeName: 'node1',
    nodeIPs: ['192.168.77.1'],
    clusterCidrs: ['10.244.0.0/16'],
    mode: 'nftables',
    backend: 'nft',
    healthz: false,
    metricsServer: false,
    conntrack: { ...none, tcpBeLiberal: false },
    commandPrefix: ['ip', 'netns', 'exec', namespace],
    metrics: new Registry(),
    health: new HealthRegistry(),
    logger: createLogger({ component: 'test', format: 'text', verbosity: 0 }),
    signal: stop.signal,
  });
});
after(async () => {
  stop.abort();
  await proxy?.stop();
  client?.close();
  await cluster?.stop();
  execFileSync('ip', ['netns', 'del', namespace]);
});

/** The ranges in which addresses without a Service are dropped, as the kernel has them. */
function ranges(): string | undefined {
  const command = ['netns', 'exec', namespace, 'nft', 'list', 'table', 'ip', 'kube-proxy'];
  try {
    const table = execFileSync('ip', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return /ip daddr (.*) drop comment "Drop traffic to unallocated ClusterIPs"/.exec(table)?.[1];
  } catch (error) {
    // Not written yet.
    assert.match(String((error as { stderr?: unknown }).stderr), /No such file or directory/);
    return undefined;
  }
}

const become = (wanted: string) =>
  waitFor(`the ranges to be ${wanted}`, async () => ranges() === wanted, { timeoutMs: 60_000 });

test('the ranges are those of the ServiceCIDRs, as these come and go', async () => {
  await become('10.96.0.0/16');
  const cidrs = cluster.client.resource<V1ServiceCIDR>(gvr.servicecidrs);
  await cidrs.create({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'more' },
    spec: { cidrs: ['10.99.0.0/24', 'fd00:99::/112'] },
  });
  await become('{ 10.96.0.0/16, 10.99.0.0/24 }');
  await cidrs.delete('more');
  await become('10.96.0.0/16');
});
