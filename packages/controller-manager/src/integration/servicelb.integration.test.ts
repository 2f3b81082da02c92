import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CoreV1Event, V1Node, V1Service } from '@kubelab/api';
import { gvr, waitFor, waitForDeletion } from '@kubelab/client';
import { type Environment, startEnvironment } from './environment.js';

// A pool of three IPv4 and two IPv6 addresses, then none, then another: the controller on a real API server.
const finalizer = 'service.kubernetes.io/load-balancer-cleanup';
const serviceCidr = '--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112';
const withPool = (pool: string) => [serviceCidr, '--allocate-node-cidrs=false', `--load-balancer-pool=${pool}`];
let env: Environment;
const services = () => env.client.resource<V1Service>(gvr.services).namespace('default');

before(async () => {
  env = await startEnvironment(withPool('192.0.2.1-192.0.2.3,fd00:2::1-fd00:2::2'), [serviceCidr]);
});

after(() => env?.stop());

async function create(name: string, spec: object = {}, annotations: Record<string, string> = {}): Promise<void> {
  await services().create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, annotations },
    spec: { type: 'LoadBalancer', selector: { app: name }, ports: [{ port: 80 }], ...spec },
  } as V1Service);
}

const addresses = async (name: string) =>
  ((await services().get(name)).status?.loadBalancer?.ingress ?? []).map((i) => `${i.ip} ${i.ipMode}`).join();

async function has(name: string, wanted: string): Promise<void> {
  await waitFor(`${name} to have ${wanted || 'no address'}`, async () => (await addresses(name)) === wanted, {
    timeoutMs: 180_000,
  });
}

async function event(name: string, reason: string, message: RegExp): Promise<void> {
  const events = env.client.resource<CoreV1Event>(gvr.events).namespace('default');
  await waitFor(
    `event ${reason} of ${name}`,
    async () => {
      const { items } = await events.list({ fieldSelector: `involvedObject.name=${name},reason=${reason}` });
      return items.some((e) => message.test(e.message ?? ''));
    },
    { timeoutMs: 180_000 },
  );
}

async function gone(name: string): Promise<void> {
  await services().delete(name);
  await waitForDeletion(services(), name, { timeoutMs: 180_000 });
}

test('an address, the finalizer and the events; another type or deletion gives it all back', async () => {
  await create('one');
  await has('one', '192.0.2.1 VIP');
  assert.deepEqual((await services().get('one')).metadata?.finalizers, [finalizer]);
  await event('one', 'EnsuringLoadBalancer', /^Ensuring load balancer$/);
  await event('one', 'EnsuredLoadBalancer', /^Ensured load balancer$/);
  await services().patch('one', { spec: { type: 'ClusterIP' } }, { type: 'merge' });
  await has('one', '');
  await event('one', 'DeletingLoadBalancer', /^Deleting load balancer$/);
  await event('one', 'DeletedLoadBalancer', /^Deleted load balancer$/);
  const { metadata, status } = await services().get('one');
  assert.equal(metadata?.finalizers, undefined);
  assert.deepEqual(status, { loadBalancer: {} });
  await create('two');
  await has('two', '192.0.2.1 VIP');
  await gone('one');
  await gone('two');
});

test('a used-up pool says so, and gives what comes back', async () => {
  for (const name of ['a', 'b', 'c']) await create(name, { allocateLoadBalancerNodePorts: false });
  await has('c', '192.0.2.3 VIP');
  assert.equal((await services().get('c')).spec?.ports?.[0]?.nodePort, undefined);
  await create('d');
  await event('d', 'SyncLoadBalancerFailed', /^Error syncing load balancer: no IPv4 address is left in the pool$/);
  await gone('b');
  await has('d', '192.0.2.2 VIP');
  for (const name of ['a', 'c', 'd']) await gone(name);
});

test('asked for, shared and dual-stack addresses; classes of others are left alone', async () => {
  await create('other', { loadBalancerClass: 'example.com/other' });
  await create('asking', { loadBalancerIP: '192.0.2.3' });
  await has('asking', '192.0.2.3 VIP');
  const key = { 'kubelab.io/allow-shared-ip': 'web' };
  await create('http', { loadBalancerClass: 'kubelab.io/load-balancer' }, key);
  await has('http', '192.0.2.1 VIP');
  await create('https', { ports: [{ port: 443 }] }, key);
  await has('https', '192.0.2.1 VIP');
  await create('dual', { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] });
  await has('dual', 'fd00:2::1 VIP,192.0.2.2 VIP');
  await has('other', '');
  assert.equal((await services().get('other')).metadata?.finalizers, undefined);
  for (const name of ['asking', 'https', 'other']) await gone(name);
});

test('another pool for a cluster that runs: what is in it stays, the rest moves', async () => {
  await env.restartControllers(withPool('192.0.2.3-192.0.2.4'));
  await has('http', '192.0.2.3 VIP');
  await event('dual', 'SyncLoadBalancerFailed', /the pool has no IPv6 addresses/);
  await gone('dual');
  await has('http', '192.0.2.3 VIP');
});

test('without a pool: the nodes, as they become ready and are excluded', async () => {
  const node = (n: number) =>
    ({
      metadata: { name: `n${n}` },
      spec: {},
      status: {
        addresses: [{ type: 'InternalIP', address: `198.51.100.${n}` }],
        conditions: [{ type: 'Ready', status: 'True', reason: 'Test', message: '' }],
      },
    }) as V1Node;
  const nodes = env.client.resource<V1Node>(gvr.nodes);
  for (const n of [1, 2]) await nodes.create(node(n));
  await env.restartControllers(withPool(''));
  await has('http', '198.51.100.1 VIP,198.51.100.2 VIP');
  const exclude = { 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' };
  await nodes.patch('n1', { metadata: { labels: exclude } }, { type: 'merge' });
  await has('http', '198.51.100.2 VIP');
  await event('http', 'UpdatedLoadBalancer', /^Updated load balancer with new hosts$/);
  await create('clash');
  await event('clash', 'SyncLoadBalancerFailed', /port 80 of the nodes' addresses is in use by Service default\/http/);
  await nodes.patch('n2', { metadata: { labels: exclude } }, { type: 'merge' });
  await has('http', '');
  await event('http', 'UnAvailableLoadBalancer', /^There are no available nodes for LoadBalancer$/);
  await gone('http');
});
