import assert from 'node:assert/strict';
import { request } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { decodeProtobuf } from '@kubelab/api';
import type { KubeObject } from '@kubelab/apimachinery';
import { type Answer, type Ask, TestApiServer } from './testing/test-api-server.js';

const protobuf = 'application/vnd.kubernetes.protobuf';
const pods = '/api/v1/namespaces/default/pods';
const configMaps = '/api/v1/namespaces/default/configmaps';
const metadataOnly = (kind: string) => `${protobuf};as=${kind};g=meta.k8s.io;v=v1`;

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: 'x' }, annotations: { 'example.com/a': 'ä' } },
  spec: {
    containers: [
      {
        name: 'main',
        image: 'busybox',
        ports: [{ containerPort: 80 }],
        resources: { limits: { cpu: '1500m', memory: '1Gi' } },
        readinessProbe: { httpGet: { port: 'http', path: '/' } },
      },
    ],
    terminationGracePeriodSeconds: 0,
    volumes: [{ name: 'v', configMap: { name: 'c', defaultMode: 256 } }],
  },
});

describe('answers in protobuf', () => {
  let server: TestApiServer;
  before(async () => {
    server = await TestApiServer.start(['--disable-admission-plugins=ServiceAccount']);
  });
  after(() => server?.remove());

  const ask = async (path: string, o: Ask = {}, accept = protobuf): Promise<Answer & { object: KubeObject }> => {
    const answer = await server.ask(path, { ...o, headers: { ...o.headers, accept } });
    assert.equal(answer.headers['content-type'], protobuf, answer.text);
    return { ...answer, object: decodeProtobuf(answer.bytes) };
  };

  test('every verb says what it says in JSON', async () => {
    const made = await ask(pods, { body: pod('one') });
    assert.equal(made.status, 201);
    const shown = async () => (await server.ask(`${pods}/one`)).json;
    assert.deepEqual(made.object, await shown());
    assert.deepEqual((await ask(`${pods}/one`)).object, await shown());

    const patched = await ask(`${pods}/one`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { metadata: { labels: { more: 'labels' } } },
    });
    assert.equal(patched.object.metadata.labels?.more, 'labels');
    const body = { ...(await shown()), status: { phase: 'Running', podIP: '10.0.0.1' } };
    const updated = await ask(`${pods}/one/status`, { method: 'PUT', body });
    assert.deepEqual(updated.object, await shown());

    const list = await ask('/api/v1/pods?limit=1');
    const inJson = (await server.ask('/api/v1/pods?limit=1')).json;
    assert.deepEqual(list.object.metadata, inJson.metadata);
    assert.deepEqual(list.object.items, inJson.items);
    // The list's kind says that of its objects.
    assert.deepEqual(Object.keys(inJson.items[0]), ['metadata', 'spec', 'status']);

    const evicted = await ask(`${pods}/one/eviction`, {
      body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'one' } },
    });
    assert.deepEqual(evicted.object, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
    const gone = await ask(`${pods}/one`);
    assert.equal(gone.status, 404);
    assert.equal(gone.object.reason, 'NotFound');
    assert.equal(gone.object.message, 'pods "one" not found');
    const review = await ask('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
      },
    });
    assert.equal((review.object.status as { allowed: boolean }).allowed, true);
    assert.equal((await ask('/apis/apps/v1')).object.kind, 'APIResourceList');
  });

  test('the most wanted of what there is', async () => {
    const table = 'as=Table;g=meta.k8s.io;v=v1';
    const cases: [string, string, number, string][] = [
      ['protobuf,json', `${protobuf},application/json`, 200, protobuf],
      ['json,protobuf', `application/json,${protobuf}`, 200, 'application/json'],
      ['by weight', `application/json;q=0.5,${protobuf};q=0.9`, 200, protobuf],
      ['protobuf, then anything', `${protobuf}, */*`, 200, protobuf],
      ['rows are JSON only', `${protobuf};${table}`, 406, protobuf],
      ['rows in another format', `${protobuf};${table},application/json;${table}`, 200, 'application/json'],
      ['nothing that there is', 'image/png', 406, 'application/json'],
    ];
    for (const [name, accept, status, type] of cases) {
      const answer = await server.ask(configMaps, { headers: { accept } });
      assert.equal(answer.status, status, name);
      assert.equal(answer.headers['content-type'], type, name);
    }
  });

  test('a write whose answer can not be read changes nothing', async () => {
    const headers = { accept: 'image/png' };
    assert.equal((await server.ask(configMaps, { body: { metadata: { name: 'no' } }, headers })).status, 406);
    assert.equal((await server.ask(`${configMaps}/no`)).status, 404);
    await server.ask(configMaps, { body: { metadata: { name: 'yes' }, data: { a: '1' } } });
    const patch = { 'content-type': 'application/merge-patch+json', ...headers };
    const body = { data: { a: '2' } };
    assert.equal((await server.ask(`${configMaps}/yes`, { method: 'PATCH', headers: patch, body })).status, 406);
    assert.equal((await server.ask(`${configMaps}/yes`, { method: 'DELETE', headers })).status, 406);
    assert.equal((await server.ask(configMaps, { method: 'DELETE', headers })).status, 406);
    assert.deepEqual((await server.ask(`${configMaps}/yes`)).json.data, { a: '1' });
  });

  test('custom resources have none but of their metadata', async () => {
    const schema = { openAPIV3Schema: { type: 'object', properties: { n: { type: 'integer' } } } };
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'deployments.apps.example.com' },
      spec: {
        group: 'apps.example.com',
        scope: 'Namespaced',
        names: { plural: 'deployments', kind: 'Deployment' },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    };
    const made = await ask('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: definition });
    const [version] = (made.object.spec as { versions: (typeof definition)['spec']['versions'] }).versions;
    assert.deepEqual(version?.schema, schema);
    const path = '/apis/apps.example.com/v1/namespaces/default/deployments';
    let answer = await server.ask(path);
    for (const deadline = Date.now() + 120_000; answer.status === 404 && Date.now() < deadline; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      answer = await server.ask(path);
    }
    const body = { apiVersion: 'apps.example.com/v1', kind: 'Deployment', metadata: { name: 'd' }, n: 1 };
    assert.equal((await ask(path, { body })).status, 406);
    assert.equal((await server.ask(path)).json.items.length, 0);
    const fallback = await server.ask(path, { body, headers: { accept: `${protobuf},application/json` } });
    assert.equal(fallback.json.n, 1);
    assert.equal((await server.ask(path)).json.items[0].kind, 'Deployment');
    const list = await ask(path, {}, metadataOnly('PartialObjectMetadataList'));
    assert.equal(list.object.kind, 'PartialObjectMetadataList');
    assert.equal((list.object.items as KubeObject[])[0]?.metadata.uid, fallback.json.metadata.uid);
    const one = await ask(`${path}/d`, {}, metadataOnly('PartialObjectMetadata'));
    assert.deepEqual(one.object.metadata, fallback.json.metadata);
  });

  test('a watch is a stream of events behind their lengths', async () => {
    const watch = `${configMaps}?watch=true&timeoutSeconds=600&fieldSelector=metadata.name%3Dwatched`;
    const [begun, events] = watchEvents(watch, 3);
    await begun;
    await server.ask(configMaps, { body: { metadata: { name: 'watched' }, data: { a: '1' } } });
    const headers = { 'content-type': 'application/merge-patch+json' };
    await server.ask(`${configMaps}/watched`, { method: 'PATCH', headers, body: { data: { a: '2' } } });
    await server.ask(`${configMaps}/watched`, { method: 'DELETE' });
    const seen = (await events).map(({ type, object }) => `${type} ${JSON.stringify(object.data)}`);
    assert.deepEqual(seen, ['ADDED {"a":"1"}', 'MODIFIED {"a":"2"}', 'DELETED {"a":"2"}']);

    const [expired] = await watchEvents(`${configMaps}?watch=true&resourceVersion=1`, 1)[1];
    assert.equal(`${expired?.type} ${expired?.object.reason}`, 'ERROR Expired');
  });

  /** When a watch has begun, and its first events; the connection is cut after them. */
  function watchEvents(path: string, count: number): [Promise<void>, Promise<{ type: string; object: KubeObject }[]>] {
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const events = new Promise<{ type: string; object: KubeObject }[]>((resolve, reject) => {
      const req = request(`${server.url}${path}`, { agent: server.tls, headers: { accept: protobuf } }, (res) => {
        begin();
        assert.equal(res.headers['content-type'], `${protobuf};stream=watch`);
        let bytes = Buffer.alloc(0);
        const events: { type: string; object: KubeObject }[] = [];
        res.on('data', (chunk: Buffer) => {
          bytes = Buffer.concat([bytes, chunk]);
          while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0) && events.length < count) {
            const event = bytes.subarray(4, 4 + bytes.readUInt32BE(0));
            bytes = bytes.subarray(4 + event.length);
            const type = event.subarray(2, 2 + (event[1] as number)).toString('latin1');
            events.push({ type, object: decodeProtobuf(event.subarray(event.indexOf('k8s\0'))) });
          }
          if (events.length === count) {
            req.destroy();
            resolve(events);
          }
        });
        res.on('error', reject);
        res.on('end', () => reject(new Error(`the watch ended after ${events.length} events`)));
      });
      req.on('error', reject);
      req.end();
    });
    return [begun, events];
  }
});
