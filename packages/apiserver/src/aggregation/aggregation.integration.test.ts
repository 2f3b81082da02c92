import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { createCa, signCertificate } from '@kubelab/pki';
import { TestApiServer } from '../testing/test-api-server.js';

const groupVersion = 'flunders.example.com/v1alpha1';
const resources = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion,
  resources: [
    {
      name: 'flunders',
      singularName: 'flunder',
      namespaced: true,
      kind: 'Flunder',
      verbs: ['get', 'list'],
      shortNames: ['fl'],
    },
    { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] },
  ],
};
const flunder = { apiVersion: groupVersion, kind: 'Flunder', metadata: { name: 'a', namespace: 'default' } };

const settle = async (what: string, holds: () => Promise<boolean>) => {
  const deadline = Date.now() + 120_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

describe('API aggregation', { concurrency: false }, () => {
  let server: TestApiServer;
  let extension: Server;
  let caBundle: string;
  const seen: IncomingMessage[] = [];
  const directory = mkdtempSync(join(tmpdir(), 'kubelab-aggregation-'));

  const answer = (req: IncomingMessage, res: ServerResponse) => {
    seen.push(req);
    const proxy = (req.socket as TLSSocket).getPeerCertificate()?.subject?.CN;
    if (proxy !== 'front-proxy-client') {
      res.writeHead(401).end();
      return;
    }
    const path = (req.url ?? '').split('?')[0];
    const bodies: Record<string, object> = {
      [`/apis/${groupVersion}`]: resources,
      [`/apis/${groupVersion}/namespaces/default/flunders`]: {
        apiVersion: groupVersion,
        kind: 'FlunderList',
        metadata: { resourceVersion: '1' },
        items: [flunder],
      },
      [`/apis/${groupVersion}/namespaces/default/flunders/a`]: flunder,
      [`/openapi/v3/apis/${groupVersion}`]: { openapi: '3.0.0', info: { title: 'flunders', version: '0' }, paths: {} },
      '/openapi/v2': {
        swagger: '2.0',
        paths: { [`/apis/${groupVersion}/flunders`]: { get: {} }, '/version/': { get: {} } },
        definitions: { 'com.example.Flunder': { type: 'object' } },
      },
    };
    const body = bodies[path ?? ''];
    res.writeHead(body ? 200 : 404, { 'Content-Type': 'application/json' });
    res.end(JSON.stringify(body ?? { kind: 'Status', apiVersion: 'v1', code: 404, reason: 'NotFound' }));
  };

  before(async () => {
    const frontProxyCa = await createCa('front-proxy-ca');
    const identity = await signCertificate(frontProxyCa, { commonName: 'front-proxy-client', usages: ['client'] });
    const ca = await createCa('extension');
    const serving = await signCertificate(ca, {
      commonName: 'flunders',
      dnsNames: ['flunders.default.svc'],
      usages: ['server'],
    });
    caBundle = Buffer.from(ca.certPem).toString('base64');
    const files = { 'proxy.crt': identity.certPem, 'proxy.key': identity.keyPem, 'proxy-ca.crt': frontProxyCa.certPem };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text, { mode: 0o600 });
    extension = createServer(
      {
        cert: serving.certPem,
        key: serving.keyPem,
        ca: frontProxyCa.certPem,
        requestCert: true,
        rejectUnauthorized: false,
      },
      answer,
    );
    extension.on('upgrade', (req: IncomingMessage, socket: Duplex) => {
      seen.push(req);
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello');
    });
    await new Promise<void>((resolve) => extension.listen(0, '127.0.0.1', resolve));
    server = await TestApiServer.start([
      ...[
        '--proxy-client-cert-file',
        join(directory, 'proxy.crt'),
        '--proxy-client-key-file',
        join(directory, 'proxy.key'),
      ],
      ...['--requestheader-client-ca-file', join(directory, 'proxy-ca.crt')],
      ...['--requestheader-allowed-names', 'front-proxy-client'],
    ]);
  });

  after(async () => {
    extension?.closeAllConnections();
    extension?.close();
    await server?.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  const apiService = (name: string) => server.ask(`/apis/apiregistration.k8s.io/v1/apiservices/${name}`);

  it('lists what the server serves itself', async () => {
    const { json } = await apiService('v1.apps');
    assert.deepEqual(json.spec, { group: 'apps', version: 'v1', groupPriorityMinimum: 17800, versionPriority: 15 });
    await settle(
      'v1.apps is not available',
      async () => (await apiService('v1.apps')).json.status?.conditions[0].reason === 'Local',
    );
  });

  it('follows custom resources', async () => {
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const schema = { openAPIV3Schema: { type: 'object' } };
    const created = await server.ask(definitions, {
      body: {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'tools.own.example.com' },
        spec: {
          group: 'own.example.com',
          scope: 'Namespaced',
          names: { plural: 'tools', kind: 'Tool' },
          versions: [{ name: 'v1', served: true, storage: true, schema }],
        },
      },
    });
    assert.equal(created.status, 201, created.text);
    await settle(
      'no APIService for the custom resource',
      async () => (await apiService('v1.own.example.com')).status === 200,
    );
    await server.ask(`${definitions}/tools.own.example.com`, { method: 'DELETE' });
    await settle('its APIService stays', async () => (await apiService('v1.own.example.com')).status === 404);
  });

  it('tells why an extension server can not be reached', async () => {
    const { port } = extension.address() as AddressInfo;
    const created = await server.ask('/apis/apiregistration.k8s.io/v1/apiservices', {
      body: {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: 'v1alpha1.flunders.example.com' },
        spec: {
          group: 'flunders.example.com',
          version: 'v1alpha1',
          groupPriorityMinimum: 1000,
          versionPriority: 10,
          service: { namespace: 'default', name: 'flunders', port },
          caBundle,
        },
      },
    });
    assert.equal(created.status, 201, created.text);
    await settle('no condition', async () => {
      const { json } = await apiService('v1alpha1.flunders.example.com');
      return json.status?.conditions?.[0]?.reason === 'ServiceNotFound';
    });
    const asked = await server.ask(`/apis/${groupVersion}/namespaces/default/flunders`);
    assert.equal(asked.status, 503, asked.text);
    const { headers, json } = await server.ask('/apis', {
      headers: { accept: 'application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList' },
    });
    assert.match(String(headers['content-type']), /APIGroupDiscoveryList/);
    const group = json.items.find((g: { metadata: { name: string } }) => g.metadata.name === 'flunders.example.com');
    assert.equal(group.versions[0].freshness, 'Stale');
  });

  it('passes requests on in the name of the user', async () => {
    const { port } = extension.address() as AddressInfo;
    const service = await server.ask('/api/v1/namespaces/default/services', {
      body: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'flunders' },
        spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
      },
    });
    assert.equal(service.status, 201, service.text);
    await settle('not available', async () => {
      const { json } = await apiService('v1alpha1.flunders.example.com');
      return json.status?.conditions?.[0]?.reason === 'Passed';
    });
    const listed = await server.ask(`/apis/${groupVersion}/namespaces/default/flunders?limit=5`, {
      headers: { 'x-remote-user': 'somebody', 'impersonate-user': 'jane', 'impersonate-group': 'system:masters' },
    });
    assert.equal(listed.status, 200, listed.text);
    assert.equal(listed.json.items[0].metadata.name, 'a');
    // The server's own checks come in between.
    const last = seen.findLast(({ url }) => url === `/apis/${groupVersion}/namespaces/default/flunders?limit=5`);
    assert.equal(last?.headers['x-remote-user'], 'jane');
    assert.equal(last?.headers['impersonate-user'], undefined);
    assert.match(String(last?.headers['x-remote-group']), /system:authenticated/);
    const denied = await server.ask(`/apis/${groupVersion}/namespaces/default/flunders`, {
      headers: { 'impersonate-user': 'jane' },
    });
    assert.equal(denied.status, 403);
  });

  it('shows the remote group in discovery, which kubectl follows', async () => {
    await settle('the group is not listed', async () =>
      (await server.ask('/apis')).json.groups.some((g: { name: string }) => g.name === 'flunders.example.com'),
    );
    const group = await server.ask('/apis/flunders.example.com');
    assert.equal(group.json.preferredVersion.groupVersion, groupVersion);
    const { code, out, err } = await server.kubectl(['get', 'fl', '-o', 'name']);
    assert.equal(code, 0, err);
    assert.equal(out, 'flunder.flunders.example.com/a\n');
  });

  it('publishes its OpenAPI documents', async () => {
    await settle('no v3 document', async () => `apis/${groupVersion}` in (await server.ask('/openapi/v3')).json.paths);
    const index = await server.ask('/openapi/v3');
    const { serverRelativeURL } = index.json.paths[`apis/${groupVersion}`];
    assert.equal((await server.ask(serverRelativeURL)).json.info.title, 'flunders');
    await settle(
      'not in the v2 document',
      async () => `/apis/${groupVersion}/flunders` in (await server.ask('/openapi/v2')).json.paths,
    );
    const v2 = await server.ask('/openapi/v2');
    assert.equal(v2.json.paths['/version/'], undefined);
    assert.ok(v2.json.definitions['com.example.Flunder']);
  });

  it('forgets it with its APIService', async () => {
    await server.ask('/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.flunders.example.com', { method: 'DELETE' });
    await settle(
      'still served',
      async () => (await server.ask(`/apis/${groupVersion}/namespaces/default/flunders`)).status === 404,
    );
    const groups = await server.ask('/apis');
    assert.ok(!groups.json.groups.some((g: { name: string }) => g.name === 'flunders.example.com'));
  });

  it('publishes how extension servers know users', async () => {
    const { json } = await server.ask('/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication');
    assert.equal(json.data['requestheader-allowed-names'], '["front-proxy-client"]');
    assert.equal(json.data['requestheader-username-headers'], '["X-Remote-User"]');
    assert.match(json.data['requestheader-client-ca-file'], /BEGIN CERTIFICATE/);
    assert.match(json.data['client-ca-file'], /BEGIN CERTIFICATE/);
  });
});
