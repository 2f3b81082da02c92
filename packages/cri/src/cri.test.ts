import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CriClient, CriError, type CriServer, isNotFound, isUnavailable, serveCri } from './index.js';

let dir: string;
let server: CriServer;
let client: CriClient;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubelab-cri-'));
  server = await serveCri(`unix://${dir}/cri.sock`, {
    runtime: {
      version: (request) => ({ version: request.version, runtime_name: 'test' }),
      podSandboxStatus: (request) => {
        throw new CriError('NOT_FOUND', `no sandbox ${request.pod_sandbox_id}`);
      },
      execSync: (request) => ({ stdout: Buffer.from(request.cmd.join(' ')), exit_code: 3 }),
      stopContainer: (_request, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('gone')))),
      async *getContainerEvents() {
        yield { container_id: 'a', container_event_type: 'CONTAINER_STARTED_EVENT', created_at: '1700000000123456789' };
        yield { container_id: 'b', container_event_type: 'CONTAINER_STOPPED_EVENT' };
      },
    },
    image: { listImages: () => ({ images: [{ id: 'sha256:1', size: 42 }] }) },
  });
  client = CriClient.connect(join(dir, 'cri.sock'));
});

after(async () => {
  client.close();
  await server.close();
  await rm(dir, { recursive: true });
});

test('fields are snake_case with defaults filled', async () => {
  const version = await client.version({ version: 'v1' });
  assert.equal(version.version, 'v1');
  assert.equal(version.runtime_version, '');
  const { images } = await client.listImages({});
  assert.deepEqual(images[0]?.repo_tags, []);
  assert.equal(images[0]?.size, 42);
});

test('a status code and its text cross the socket', async () => {
  await assert.rejects(client.podSandboxStatus({ pod_sandbox_id: 'x' }), (error) => {
    assert.ok(isNotFound(error));
    assert.equal((error as CriError).message, 'no sandbox x');
    return true;
  });
});

test('bytes are buffers', async () => {
  const answer = await client.execSync({ container_id: 'c', cmd: ['a', 'b'] });
  assert.equal(answer.stdout.toString(), 'a b');
  assert.equal(answer.exit_code, 3);
});

test('an absent method is UNIMPLEMENTED', async () => {
  await assert.rejects(client.status({}), { code: 'UNIMPLEMENTED' });
});

test('events arrive in order and the stream ends', async () => {
  const seen: string[] = [];
  for await (const event of client.getContainerEvents({})) seen.push(event.container_event_type);
  assert.deepEqual(seen, ['CONTAINER_STARTED_EVENT', 'CONTAINER_STOPPED_EVENT']);
});

test('an aborted call is cancelled on both sides', async () => {
  const aborter = new AbortController();
  const call = client.stopContainer({ container_id: 'c' }, { signal: aborter.signal });
  setImmediate(() => aborter.abort());
  await assert.rejects(call, { code: 'CANCELLED' });
});

test('a socket nobody serves is unavailable, and one in use is refused', async () => {
  const lost = CriClient.connect(join(dir, 'nothing.sock'), { timeoutMs: 60_000 });
  await assert.rejects(lost.version({}), (error) => isUnavailable(error));
  lost.close();
  await assert.rejects(serveCri(join(dir, 'cri.sock'), { runtime: {}, image: {} }), /already serves/);
});
