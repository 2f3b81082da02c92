/** Images: pulled with and without credentials from a registry on loopback, listed, found, removed. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startTestRuntime, type TestRuntime, until } from './testing/dockerd.js';
import { image as busybox, runPod, startContainer } from './testing/pods.js';

const auth = { username: 'user', password: 'secret' };
const open = '127.0.0.1:5001';
const closed = '127.0.0.1:5002';

let runtime: TestRuntime;
const registries: ChildProcess[] = [];

before(async () => {
  runtime = await startTestRuntime();
  startRegistry(open, '');
  const htpasswd = join(runtime.dir, 'htpasswd');
  // bcrypt of "secret"
  writeFileSync(htpasswd, 'user:$2b$04$3F5ZwL4Dl6.eqtsEF.Yx8e37yLtjYksr/PTY6JSuqmBpy1yUpjOTi\n');
  startRegistry(closed, `auth: { htpasswd: { realm: test, path: ${htpasswd} } }`);
  for (const [registry, names] of [
    [open, ['one:v1', 'one:v2', 'two:latest', 'named:1', 'uid:1']],
    [closed, ['private:1', 'one:v1']],
  ] as const) {
    for (const name of names) await push(`${registry}/${name}`);
  }
});

after(async () => {
  for (const registry of registries) {
    registry.kill();
    if (registry.exitCode === null) await once(registry, 'exit');
  }
  await runtime.close();
});

function startRegistry(address: string, extra: string): void {
  const config = join(runtime.dir, `registry-${address}.yml`);
  const storage = join(runtime.dir, `registry-${address}`);
  const text = `version: 0.1\nstorage: { filesystem: { rootdirectory: "${storage}" } }\nhttp: { addr: "${address}" }\n${extra}\n`;
  writeFileSync(config, text);
  const args = [`--net=/run/netns/${runtime.netns}`, 'docker-registry', 'serve', config];
  registries.push(spawn('nsenter', args, { stdio: 'ignore' }));
}

/** Puts an image into a registry, and takes it out of Docker again. */
async function push(reference: string): Promise<void> {
  const { docker } = runtime;
  const change = reference.includes('named')
    ? 'USER alice:extra'
    : reference.includes('uid')
      ? 'USER 1234:5'
      : 'LABEL a=b';
  const script = 'docker -H "$0" export "$1" | docker -H "$0" import --change "$2" - "$3"';
  const container = await docker.createContainer({ Image: busybox, Cmd: ['sh'] });
  const socket = `unix://${runtime.dir}/docker.sock`;
  execFileSync('sh', ['-c', script, socket, container.id, change, reference], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await container.remove();
  await until(async () => {
    const stream = await docker.getImage(reference).push({ authconfig: { ...auth, serveraddress: closed } });
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    assert.ok(!text.includes('"error"'), text);
  });
  await docker.getImage(reference).remove();
}

const spec = (name: string) => ({ image: { image: name } });

test('pull by tag, without a tag, by digest; the id is the same everywhere', async () => {
  const { cri } = runtime;
  const { image_ref: id } = await cri.pullImage(spec(`${open}/one:v1`));
  const { image } = await cri.imageStatus(spec(`${open}/one:v1`));
  assert.equal(image?.id, id);
  assert.deepEqual(image?.repo_tags, [`${open}/one:v1`]);
  assert.ok((image?.size ?? 0) > 0);
  const digest = image?.repo_digests[0] ?? '';
  assert.deepEqual((await cri.imageStatus(spec(digest))).image, image);
  assert.deepEqual((await cri.imageStatus(spec(id))).image, image);

  await cri.pullImage(spec(`${open}/two`));
  assert.deepEqual((await cri.imageStatus(spec(`${open}/two`))).image?.repo_tags, [`${open}/two:latest`]);

  await cri.removeImage(spec(id));
  assert.equal((await cri.imageStatus(spec(id))).image, null);
  assert.equal((await cri.pullImage(spec(digest))).image_ref, id);
  const byDigest = (await cri.imageStatus(spec(digest))).image;
  assert.deepEqual([byDigest?.repo_tags, byDigest?.repo_digests], [[], [digest]]);
});

test('a removal takes all names, works once for all who ask, and is refused for an image in use', async () => {
  const { cri } = runtime;
  const { image_ref: id } = await cri.pullImage(spec(`${open}/one:v1`));
  await runtime.docker.getImage(id).tag({ repo: `${open}/other`, tag: 'x' });
  await Promise.all(Array.from({ length: 5 }, () => cri.removeImage(spec(id))));
  assert.equal((await cri.imageStatus(spec(`${open}/other:x`))).image, null);
  assert.equal((await cri.imageStatus(spec(id))).image, null);
  await cri.removeImage(spec('nothing/at-all:1'));

  const pod = await runPod(runtime);
  await cri.pullImage(spec(`${open}/one:v2`));
  await startContainer(runtime, pod, 'sleep 1000', { image: { image: `${open}/one:v2` } });
  await assert.rejects(cri.removeImage(spec(`${open}/one:v2`)), { code: 'FAILED_PRECONDITION' });
  assert.deepEqual((await cri.imageStatus(spec(`${open}/one:v2`))).image?.repo_tags, [`${open}/one:v2`]);
});

test('credentials: needed, wrong, right, encoded', async () => {
  const { cri } = runtime;
  const name = `${closed}/private:1`;
  await assert.rejects(cri.pullImage(spec(name)), /failed to pull image .*no basic auth credentials/);
  await assert.rejects(cri.pullImage({ ...spec(name), auth: { username: 'user', password: 'wrong' } }), /./);
  const { image_ref: id } = await cri.pullImage({ ...spec(name), auth });
  await cri.removeImage(spec(id));
  const encoded = Buffer.from('user:secret').toString('base64');
  assert.equal((await cri.pullImage({ ...spec(name), auth: { auth: encoded } })).image_ref, id);
});

test('users of images; the list with and without a filter', async () => {
  const { cri } = runtime;
  await Promise.all(['named:1', 'uid:1'].map((name) => cri.pullImage(spec(`${open}/${name}`))));
  const named = (await cri.imageStatus(spec(`${open}/named:1`))).image;
  assert.deepEqual([named?.uid, named?.username], [null, 'alice']);
  const uid = (await cri.imageStatus(spec(`${open}/uid:1`))).image;
  assert.deepEqual([uid?.uid?.value, uid?.username], [1234, '']);
  const { images } = await cri.listImages({});
  assert.ok(images.some(({ id }) => id === uid?.id));
  assert.deepEqual(images.find(({ repo_tags }) => repo_tags.includes('kubelab/pause:1'))?.pinned ?? true, true);
  const filtered = await cri.listImages({ filter: spec(`${open}/uid:1`) });
  assert.deepEqual(
    filtered.images.map(({ id }) => id),
    [uid?.id],
  );
  assert.deepEqual((await cri.listImages({ filter: spec('none/such:1') })).images, []);
});

test('pulls that can’t work say why; a cancelled one ends', async () => {
  const { cri } = runtime;
  await assert.rejects(cri.pullImage(spec(`${open}/none:1`)), { code: 'NOT_FOUND' });
  await assert.rejects(cri.pullImage(spec('127.0.0.1:9/none:1')), /connection refused/);
  await assert.rejects(cri.pullImage(spec('Not A Reference')), { code: 'INVALID_ARGUMENT' });
  await assert.rejects(cri.pullImage(spec(`${open}/two`), { timeoutMs: 1 }), { code: 'DEADLINE_EXCEEDED' });
  const { container_filesystems: containers, image_filesystems: images } = await cri.imageFsInfo({});
  assert.ok((images[0]?.used_bytes?.value ?? 0) > 0);
  assert.equal(containers[0]?.fs_id?.mountpoint, join(runtime.dir, 'data'));
});
