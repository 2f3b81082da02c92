import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { ExtenderConfig } from '../config/types.js';
import { NodeInfo } from '../framework/node-info.js';
import { PodInfo } from '../framework/pod-info.js';
import { Snapshot } from '../framework/snapshot.js';
import { askExtenders } from '../preemption/ask-extenders.js';
import { aNode, aPod } from '../testing/objects.js';
import { HttpExtender } from './extender.js';

const asked: { path: string; body: Record<string, unknown> }[] = [];
let answer: unknown;
let server: Server;
let url = '';

before(async () => {
  server = createServer((req, res) => {
    let text = '';
    req.on('data', (chunk) => {
      text += chunk;
    });
    req.on('end', () => {
      asked.push({ path: req.url ?? '', body: JSON.parse(text) });
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(
  () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
);

const nodes = ['a', 'b'].map((name) => {
  const info = new NodeInfo(name);
  info.setNode(aNode(name));
  return info;
});
const pod = aPod('p');
const extender = (o: Partial<ExtenderConfig> = {}): HttpExtender =>
  new HttpExtender({
    urlPrefix: url,
    filterVerb: 'filter',
    prioritizeVerb: 'score',
    bindVerb: 'bind',
    preemptVerb: 'preempt',
    httpTimeoutMs: 5_000,
    ...o,
  });
const last = () => asked[asked.length - 1];

test('filter: names for those that keep nodes themselves, nodes for others; answers as Go writes them', async () => {
  answer = { NodeNames: ['b'], Nodes: null, FailedNodes: { a: 'no' }, FailedAndUnresolvableNodes: null, Error: '' };
  const byName = await extender({ nodeCacheCapable: true }).filter(pod, nodes);
  assert.deepEqual([last()?.path, last()?.body.NodeNames], ['/filter', ['a', 'b']]);
  assert.deepEqual([[...byName.fit], [...byName.failed]], [['b'], [['a', 'no']]]);
  answer = { nodes: { items: [{ metadata: { name: 'a' } }] }, failedAndUnresolvableNodes: { b: 'never' } };
  const byNode = await extender().filter(pod, nodes);
  // As JSON: fields that are not set are not sent.
  const sent = JSON.parse(JSON.stringify({ metadata: {}, items: nodes.map((n) => n.node) }));
  assert.deepEqual(last()?.body.Nodes, sent);
  assert.deepEqual([[...byNode.fit], [...byNode.failedForGood]], [['a'], [['b', 'never']]]);
  answer = { Error: 'broken' };
  await assert.rejects(extender().filter(pod, nodes), /broken/);
});

test('scores and bindings', async () => {
  answer = [
    { Host: 'a', Score: 3 },
    { host: 'b', score: 7 },
  ];
  assert.deepEqual(
    [...(await extender().prioritize(pod, nodes))],
    [
      ['a', 3],
      ['b', 7],
    ],
  );
  answer = {};
  await extender().bind(pod, 'a');
  assert.deepEqual(last()?.body, { PodName: 'p', PodNamespace: 'default', PodUID: pod.metadata?.uid, Node: 'a' });
});

test('only pods that want a managed resource are of interest', () => {
  const e = extender({ managedResources: [{ name: 'example.com/foo' }] });
  assert.equal(e.interested(pod), false);
  assert.equal(e.interested(aPod('q', { requests: { 'example.com/foo': '1' } })), true);
});

test('preemption: candidates struck out, victims exchanged; failures count unless ignorable', async () => {
  const victims = ['x', 'y'].map((n) => new PodInfo(aPod(n, { node: 'a' })));
  const [a] = nodes;
  for (const v of victims) a?.addPod(v);
  const snapshot = new Snapshot();
  snapshot.byName = new Map(nodes.map((n) => [n.name, n]));
  const candidates = [
    { nodeName: 'a', victims: victims.slice(0, 1), violations: 1 },
    { nodeName: 'b', victims, violations: 0 },
  ];
  const ask = (e: HttpExtender) => askExtenders([e], new PodInfo(pod), snapshot, candidates);
  answer = { NodeNameToMetaVictims: { a: { Pods: [{ UID: victims[1]?.uid }], NumPDBViolations: 0 } } };
  assert.deepEqual(await ask(extender({ nodeCacheCapable: true })), [
    { nodeName: 'a', victims: [victims[1]], violations: 1 },
  ]);
  assert.ok(last()?.body.NodeNameToMetaVictims);
  answer = { NodeNameToMetaVictims: { a: { Pods: [{ UID: 'nobody' }] } } };
  await assert.rejects(ask(extender()), /claims to preempt pod \(UID: nobody\)/);
  assert.deepEqual(await ask(extender({ ignorable: true })), candidates);
});
