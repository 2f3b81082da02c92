import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isConflict, isNotFound, newConflict, newNotFound, StatusError } from '@kubelab/apimachinery';
import { gvr } from '../gvr.js';
import { beginWatch, ScriptedServer, sendJson } from '../testing/scripted-server.js';
import { Client } from './client.js';
import { loadKubeconfig } from './kubeconfig.js';
import { ConnectionError } from './transport.js';

const server = new ScriptedServer((_req, res) =>
  sendJson(res, 404, newNotFound({ group: '', resource: 'pods' }, 'a').status),
);
let client: Client;
before(async () => {
  await server.start();
  client = new Client({ server: server.url });
});
after(async () => {
  client.close();
  await server.stop();
});

test('paths and queries of the verbs', async () => {
  server.requests.length = 0;
  server.reply = (_req, res) =>
    sendJson(res, 200, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [{ metadata: { name: 'a' } }] });
  const pods = client.resource(gvr.pods);
  const list = await pods.namespace('x').list({ labelSelector: 'a=b', limit: 2 });
  assert.equal(list.items[0]?.kind, 'Pod');
  await pods.get('a');
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns' } };
  await pods.create(object, { fieldManager: 'me', dryRun: true });
  await pods.updateStatus(object);
  await pods.namespace('ns').patch('p', { a: 1 }, { type: 'merge', subresource: 'status' });
  await client.resource(gvr.deployments).namespace('ns').delete('d', { propagationPolicy: 'Foreground' });
  assert.deepEqual(
    server.requests.map((r) => `${r.method} ${r.url}`),
    [
      'GET /api/v1/namespaces/x/pods?labelSelector=a%3Db&limit=2',
      'GET /api/v1/pods/a',
      'POST /api/v1/namespaces/ns/pods?fieldManager=me&dryRun=All',
      'PUT /api/v1/namespaces/ns/pods/p/status',
      'PATCH /api/v1/namespaces/ns/pods/p/status',
      'DELETE /apis/apps/v1/namespaces/ns/deployments/d',
    ],
  );
  assert.deepEqual(JSON.parse(server.requests[5]?.body ?? ''), {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    propagationPolicy: 'Foreground',
  });
});

test('a Status becomes a StatusError, other failures a generic one', async () => {
  server.reply = (_req, res) => sendJson(res, 409, newConflict({ group: '', resource: 'pods' }, 'a', 'changed').status);
  await assert.rejects(client.request('GET', '/x'), isConflict);
  server.reply = (_req, res) => sendJson(res, 404, newNotFound({ group: '', resource: 'pods' }, 'a').status);
  await assert.rejects(client.request('GET', '/x'), isNotFound);
  server.reply = (_req, res) => res.writeHead(502, { 'content-type': 'text/html' }).end('<h1>bad</h1>');
  await assert.rejects(client.request('GET', '/x'), (e) => e instanceof StatusError && e.code === 502);
});

test('429 with Retry-After is tried again; 429 without is not', async () => {
  let tries = 0;
  server.reply = (_req, res) => {
    tries++;
    if (tries === 1)
      sendJson(res, 429, { kind: 'Status', code: 429, reason: 'TooManyRequests' }, { 'retry-after': '0.01' });
    else sendJson(res, 201, { ok: true });
  };
  assert.deepEqual(await client.request('POST', '/x', { body: {} }), { ok: true });
  assert.equal(tries, 2);
  server.reply = (_req, res) => sendJson(res, 429, { kind: 'Status', code: 429, reason: 'TooManyRequests' });
  await assert.rejects(client.request('GET', '/x'), (e) => e instanceof StatusError && e.code === 429);
});

test('an unreachable server is a ConnectionError with the socket code', async () => {
  const nobody = new Client({ server: 'http://127.0.0.1:1' });
  await assert.rejects(nobody.request('GET', '/x'), (e) => e instanceof ConnectionError && e.code === 'ECONNREFUSED');
});

test('a watch delivers events before an ERROR event, then throws it', async () => {
  server.reply = (_req, res) => {
    const send = beginWatch(res);
    send({ type: 'ADDED', object: { metadata: { name: 'a' } } });
    send({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } });
  };
  const seen: string[] = [];
  await assert.rejects(
    async () => {
      const signal = new AbortController().signal;
      for await (const e of client.resource(gvr.pods).watch({ signal })) seen.push(e.object.metadata.name ?? '');
    },
    (e) => e instanceof StatusError && e.reason === 'Expired',
  );
  assert.deepEqual(seen, ['a']);
});

test('a watch cut off in a line throws ConnectionError; an aborted one ends quietly', async () => {
  server.reply = (_req, res) => {
    beginWatch(res)({ type: 'ADDED', object: { metadata: { name: 'a' } } });
    res.write('{"type":"MODI', () => res.destroy());
  };
  const consume = async (signal: AbortSignal, each: () => void): Promise<void> => {
    for await (const _ of client.resource(gvr.pods).watch({ signal })) each();
  };
  await assert.rejects(
    consume(new AbortController().signal, () => undefined),
    ConnectionError,
  );
  server.reply = (_req, res) => beginWatch(res)({ type: 'ADDED', object: { metadata: { name: 'a' } } });
  const stop = new AbortController();
  await consume(stop.signal, () => stop.abort());
});

test('a token file is read again when it changes, and at once after a 401', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-client-'));
  try {
    const tokenFile = join(dir, 'token');
    writeFileSync(tokenFile, 'old');
    const withToken = new Client({ server: server.url, tokenFile });
    const tokens: (string | undefined)[] = [];
    server.reply = (req, res) => {
      tokens.push(req.headers.authorization);
      sendJson(res, req.headers.authorization === 'Bearer new' ? 200 : 401, {});
    };
    writeFileSync(tokenFile, 'new\n');
    utimesSync(tokenFile, 1, 1);
    await withToken.request('GET', '/x');
    assert.deepEqual(tokens, ['Bearer old', 'Bearer new']);
    withToken.close();
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('kubeconfig: current context, relative files, missing context', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-client-'));
  try {
    const file = join(dir, 'config');
    writeFileSync(
      file,
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
        clusters: [
          {
            name: 'k',
            cluster: { server: 'https://h:6443/', 'certificate-authority-data': Buffer.from('CA').toString('base64') },
          },
        ],
        users: [{ name: 'u', user: { 'client-certificate': 'u.crt', 'client-key': '/abs/u.key' } }],
      }),
    );
    const config = loadKubeconfig(file);
    assert.equal(config.server, 'https://h:6443');
    assert.equal(config.caPem, 'CA');
    assert.equal(config.certFile, join(dir, 'u.crt'));
    assert.equal(config.keyFile, '/abs/u.key');
    assert.throws(() => loadKubeconfig(file, 'none'), /context "none" does not exist/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
