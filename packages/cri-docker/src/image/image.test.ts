import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dockerAuth } from './auth.js';
import { familiarName, parseReference, registryOf } from './reference.js';
import { parseGroup, parsePasswd } from './users.js';

test('references are split at tag and digest, not at ports', () => {
  const cases: [string, string, string][] = [
    ['busybox', 'busybox', 'latest'],
    ['busybox:1.36', 'busybox', '1.36'],
    ['localhost:5000/a/b', 'localhost:5000/a/b', 'latest'],
    ['localhost:5000/a/b:v1', 'localhost:5000/a/b', 'v1'],
    ['r.example/a@sha256:abc', 'r.example/a', 'sha256:abc'],
    ['r.example:1/a:v2@sha256:abc', 'r.example:1/a', 'sha256:abc'],
  ];
  for (const [text, repository, tag] of cases) assert.deepEqual(parseReference(text), { repository, tag });
});

test('the registry of a reference', () => {
  assert.equal(registryOf('busybox'), 'docker.io');
  assert.equal(registryOf('library/busybox'), 'docker.io');
  assert.equal(registryOf('localhost/a'), 'localhost');
  assert.equal(registryOf('r.example:5000/a/b'), 'r.example:5000');
});

test('names as Docker shows them', () => {
  assert.equal(familiarName('docker.io/library/busybox:1.29'), 'busybox:1.29');
  assert.equal(familiarName('index.docker.io/a/b'), 'a/b');
  assert.equal(familiarName('library/busybox'), 'busybox');
  assert.equal(familiarName('r.example/library/a:1'), 'r.example/library/a:1');
});

test('credentials in all their forms', () => {
  const none = { username: '', password: '', auth: '', server_address: '', identity_token: '', registry_token: '' };
  assert.equal(dockerAuth(null, 'a'), undefined);
  assert.equal(dockerAuth(none, 'a'), undefined);
  const serveraddress = 'r.example';
  const image = 'r.example/a';
  const user = { username: 'u', password: 'p:w', serveraddress };
  assert.deepEqual(dockerAuth({ ...none, username: 'u', password: 'p:w' }, image), user);
  assert.deepEqual(dockerAuth({ ...none, auth: Buffer.from('u:p:w').toString('base64') }, image), user);
  assert.deepEqual(dockerAuth({ ...none, identity_token: 't' }, image), { identitytoken: 't', serveraddress });
});

test('user databases leave out what can’t be read', () => {
  assert.deepEqual(parsePasswd('root:x:0:0:root:/:/bin/sh\n# note\nbad:x:y:z::\n'), [{ name: 'root', uid: 0, gid: 0 }]);
  assert.deepEqual(parseGroup('a:x:5:u,v\n+::\nb:x:6:\n'), [
    { name: 'a', gid: 5, members: ['u', 'v'] },
    { name: 'b', gid: 6, members: [] },
  ]);
});
