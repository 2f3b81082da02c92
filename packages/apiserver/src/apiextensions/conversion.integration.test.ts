import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createCa, signCertificate } from '@kubelab/pki';
import { TestApiServer } from '../testing/test-api-server.js';

interface Anything {
  apiVersion: string;
  spec: Record<string, unknown>;
  metadata: object;
}

/** v1 has `host` and `port` apart, v1beta1 has them as `hostPort`. */
function convert(object: Anything, apiVersion: string): Anything {
  if (apiVersion.endsWith('/v1')) {
    const [host, port] = String(object.spec.hostPort ?? '').split(':');
    return { ...object, apiVersion, spec: { host, port } };
  }
  return { ...object, apiVersion, spec: { hostPort: `${object.spec.host}:${object.spec.port}` } };
}

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const review = JSON.parse(Buffer.concat(chunks).toString());
  const { uid, objects, desiredAPIVersion } = review.request;
  const convertedObjects = objects.map((o: Anything) => convert(o, desiredAPIVersion));
  const response = { uid, convertedObjects, result: { status: 'Success' } };
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify({ apiVersion: review.apiVersion, kind: review.kind, response }));
}

const text = { type: 'string' };
const version = (name: string, storage: boolean, properties: object) => ({
  name,
  storage,
  served: true,
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
});

describe('conversion by a webhook', { concurrency: false }, () => {
  let server: TestApiServer;
  let webhook: Server;
  const path = (v: string, name = '') =>
    `/apis/conv.example.com/${v}/namespaces/default/links${name ? `/${name}` : ''}`;

  before(async () => {
    const ca = await createCa('webhook');
    const pair = await signCertificate(ca, {
      commonName: 'localhost',
      dnsNames: ['localhost'],
      ipAddresses: ['127.0.0.1'],
      usages: ['server'],
    });
    webhook = createServer({ cert: pair.certPem, key: pair.keyPem }, (req, res) => {
      answer(req, res).catch((error: unknown) => res.destroy(error as Error));
    });
    await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
    const { port } = webhook.address() as AddressInfo;
    server = await TestApiServer.start();
    const definition = await server.ask('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      body: {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'links.conv.example.com' },
        spec: {
          group: 'conv.example.com',
          scope: 'Namespaced',
          names: { plural: 'links', kind: 'Link' },
          versions: [version('v1', true, { host: text, port: text }), version('v1beta1', false, { hostPort: text })],
          conversion: {
            strategy: 'Webhook',
            webhook: {
              conversionReviewVersions: ['v1'],
              clientConfig: {
                url: `https://127.0.0.1:${port}/convert`,
                caBundle: Buffer.from(ca.certPem).toString('base64'),
              },
            },
          },
        },
      },
    });
    assert.equal(definition.status, 201, definition.text);
    const deadline = Date.now() + 120_000;
    while ((await server.ask(path('v1'))).status !== 200) {
      assert.ok(Date.now() < deadline, 'the resource is not served');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  after(async () => {
    webhook?.closeAllConnections();
    webhook?.close();
    await server?.remove();
  });

  const old = (name: string, hostPort: string) => ({
    apiVersion: 'conv.example.com/v1beta1',
    kind: 'Link',
    metadata: { name },
    spec: { hostPort },
  });

  it('creates in one version and reads in both', async () => {
    const created = await server.ask(path('v1beta1'), { body: old('a', 'h:80') });
    assert.equal(created.status, 201, created.text);
    assert.deepEqual(created.json.spec, { hostPort: 'h:80' });
    const now = await server.ask(path('v1', 'a'));
    assert.equal(now.json.apiVersion, 'conv.example.com/v1');
    assert.deepEqual(now.json.spec, { host: 'h', port: '80' });
    const list = await server.ask(path('v1beta1'));
    assert.deepEqual(list.json.items[0].spec, { hostPort: 'h:80' });
    const table = await server.ask(path('v1beta1'), {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    assert.equal(table.json.rows[0].cells[0], 'a');
  });

  it('patches, applies and updates in the other version', async () => {
    const patched = await server.ask(path('v1beta1', 'a'), {
      method: 'PATCH',
      body: { spec: { hostPort: 'h:81' } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    assert.equal(patched.status, 200, patched.text);
    assert.deepEqual((await server.ask(path('v1', 'a'))).json.spec, { host: 'h', port: '81' });
    const applied = await server.ask(`${path('v1beta1', 'a')}?fieldManager=m&force=true`, {
      method: 'PATCH',
      body: old('a', 'h:82'),
      headers: { 'content-type': 'application/apply-patch+yaml' },
    });
    assert.equal(applied.status, 200, applied.text);
    const read = await server.ask(path('v1beta1', 'a'));
    assert.deepEqual(read.json.spec, { hostPort: 'h:82' });
    const put = await server.ask(path('v1beta1', 'a'), {
      method: 'PUT',
      body: { ...read.json, spec: { hostPort: 'other:1' } },
    });
    assert.equal(put.status, 200, put.text);
    assert.deepEqual((await server.ask(path('v1', 'a'))).json.spec, { host: 'other', port: '1' });
  });

  it('watches in the other version', async () => {
    const watch = request(`${server.url}${path('v1beta1')}?watch=true`, { agent: server.tls }).end();
    const [watched] = (await once(watch, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of watched) {
      text += chunk;
      // It would go on: leaving the loop ends it.
      if (text.includes('\n')) break;
    }
    assert.deepEqual(JSON.parse(text.split('\n')[0] ?? '').object.spec, { hostPort: 'other:1' });
  });

  it('fails clearly when the webhook is away', async () => {
    await new Promise<void>((resolve) => {
      webhook.closeAllConnections();
      webhook.close(() => resolve());
    });
    const created = await server.ask(path('v1beta1'), { body: old('b', 'x:1') });
    assert.equal(created.status, 500);
    assert.match(created.json.message, /conversion webhook for conv.example.com\/v1beta1, Kind=Link failed: Post/);
    assert.equal((await server.ask(path('v1', 'a'))).status, 200);
  });
});
