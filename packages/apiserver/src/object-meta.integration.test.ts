import assert from 'node:assert/strict';
import { request } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TestApiServer } from './testing/test-api-server.js';

// Go leaves out what is empty in metadata: in answers, in what is kept, and in events of watches.

interface Meta {
  name?: string;
  generation?: number;
  managedFields?: { manager: string; fieldsV1: object }[];
  [field: string]: unknown;
}

const names = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const;
const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: '5f0d5a3e-0000-4000-8000-000000000001' };
const full = {
  labels: { a: '1' },
  annotations: { b: '2' },
  finalizers: ['example.com/f'],
  ownerReferences: [owner],
};
const empty = { labels: {}, annotations: {}, finalizers: [], ownerReferences: [] };
const cleared = { labels: { a: null }, annotations: null, finalizers: [], ownerReferences: [] };
const configMaps = '/api/v1/namespaces/default/configmaps';

describe('empty metadata', { concurrency: false }, () => {
  let server: TestApiServer;
  before(async () => {
    server = await TestApiServer.start();
  });
  after(() => server.remove());

  const patch = (path: string, type: string, body: unknown) =>
    server.ask(path, { method: 'PATCH', headers: { 'content-type': type }, body });
  const merge = (path: string, body: unknown) => patch(path, 'application/merge-patch+json', body);

  /** The answer of a write, and what is kept, have none of these members. */
  async function hasNone(path: string, answer: { status: number; text: string; json: { metadata: Meta } }) {
    assert.ok(answer.status === 200 || answer.status === 201, answer.text);
    const kept = await server.ask(path);
    for (const { metadata } of [answer.json, kept.json] as { metadata: Meta }[]) {
      assert.deepEqual(
        names.filter((name) => name in metadata),
        [],
      );
    }
    return kept.json.metadata as Meta;
  }

  test('by create, update and every kind of patch', async () => {
    const object = (metadata: object) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', ...metadata },
    });
    const path = `${configMaps}/a`;
    const refill = () => merge(path, { metadata: full });
    await hasNone(
      path,
      await server.ask(configMaps, { body: object({ ...empty, generateName: '', managedFields: [] }) }),
    );
    await refill();
    await hasNone(path, await server.ask(path, { method: 'PUT', body: object(empty) }));
    await refill();
    const now = await hasNone(path, await merge(path, { metadata: cleared }));
    await refill();
    await hasNone(
      path,
      await patch(path, 'application/json-patch+json', [
        { op: 'remove', path: '/metadata/labels/a' },
        { op: 'remove', path: '/metadata/annotations/b' },
        { op: 'remove', path: '/metadata/finalizers/0' },
        { op: 'remove', path: '/metadata/ownerReferences/0' },
      ]),
    );
    await refill();
    await hasNone(
      path,
      await patch(path, 'application/strategic-merge-patch+json', {
        metadata: {
          labels: { a: null },
          annotations: { b: null },
          '$deleteFromPrimitiveList/finalizers': ['example.com/f'],
          ownerReferences: [{ $patch: 'delete', uid: owner.uid }],
        },
      }),
    );
    assert.equal(now.generation, undefined);
    const again = await merge(path, { metadata: empty });
    assert.equal(again.json.metadata.resourceVersion, (await server.ask(path)).json.metadata.resourceVersion);
  });

  test('by apply, whose manager owns what it left empty; the same again is no change', async () => {
    const path = `${configMaps}/applied`;
    const apply = () =>
      patch(`${path}?fieldManager=m`, 'application/apply-patch+yaml', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { labels: {} },
      });
    const first = await hasNone(path, await apply());
    assert.deepEqual(
      first.managedFields?.map((m) => m.fieldsV1),
      [{ 'f:metadata': { 'f:labels': {} } }],
    );
    const second = await hasNone(path, await apply());
    assert.equal(second.resourceVersion, first.resourceVersion);
  });

  test('in the metadata of a pod template', async () => {
    const path = '/apis/apps/v1/namespaces/default/deployments';
    const labels = { app: 'd' };
    const spec = {
      selector: { matchLabels: labels },
      template: { metadata: { ...empty, labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    };
    const body = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec };
    const answer = await server.ask(path, { body });
    assert.equal(answer.status, 201, answer.text);
    assert.deepEqual(answer.json.spec.template.metadata, { labels });
  });

  test('of custom resources', async () => {
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'tools.example.com' },
      spec: {
        group: 'example.com',
        names: { kind: 'Tool', plural: 'tools' },
        scope: 'Cluster',
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    };
    await server.ask('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: crd });
    const tools = '/apis/example.com/v1/tools';
    const deadline = Date.now() + 60_000;
    while ((await server.ask(tools)).status !== 200) {
      assert.ok(Date.now() < deadline, 'the definition is not served');
      await delay(20);
    }
    const body = { apiVersion: 'example.com/v1', kind: 'Tool', metadata: { name: 't', ...empty } };
    await hasNone(`${tools}/t`, await server.ask(tools, { body }));
    await merge(`${tools}/t`, { metadata: full });
    await hasNone(`${tools}/t`, await merge(`${tools}/t`, { metadata: cleared }));
  });

  test('in events of a watch', async () => {
    const { json } = await server.ask(`${configMaps}/a`);
    const since = json.metadata.resourceVersion as string;
    await merge(`${configMaps}/a`, { metadata: full });
    await merge(`${configMaps}/a`, { metadata: cleared });
    const selector = encodeURIComponent('metadata.name=a');
    const lines = await watched(`${configMaps}?watch=true&resourceVersion=${since}&fieldSelector=${selector}`, 2);
    assert.deepEqual(
      lines.map((line) => names.filter((name) => line.includes(`"${name}":`))),
      [[...names], []],
    );
  });

  /** The first lines of a watch. */
  function watched(path: string, count: number): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const req = request(`${server.url}${path}`, { agent: server.tls }, (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (chunk: string) => {
          text += chunk;
          const lines = text.split('\n');
          if (lines.length <= count) return;
          res.removeAllListeners('error').on('error', () => undefined);
          req.destroy();
          resolve(lines.slice(0, count));
        });
        res.on('error', reject);
        res.on('end', () => reject(new Error(`the watch ended: ${text}`)));
      });
      req.on('error', reject);
      req.end();
    });
  }
});
