import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEncryptionConfig } from './encryption-config.js';
import { EncryptionTransformer } from './encryption-transformer.js';
import { poly1305 } from './poly1305.js';
import { hsalsa20, salsa20Stream } from './salsa20.js';

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex');
const key32 = Buffer.alloc(32, 7).toString('base64');
const resourceOf = (key: string) => {
  const [, , resource = ''] = key.split('/');
  return resource === 'ranges' ? undefined : { group: resource === 'deployments' ? 'apps' : '', resource };
};
const config = (providers: string, resources = '[secrets]') =>
  parseEncryptionConfig(
    `{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [{resources: ${resources}, providers: ${providers}}]}`,
    'test',
  );
const at = '/registry/secrets/default/a';
const plain = Buffer.from('{"kind":"Secret","data":{"a":"geheim"}}');

test('Poly1305 (RFC 8439) and XSalsa20 (NaCl) vectors', () => {
  const tag = poly1305(
    hex('85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b'),
    Buffer.from('Cryptographic Forum Research Group'),
  );
  assert.equal(tag.toString('hex'), 'a8061dc1305136c6c22b8baf0c0127a9');
  // "Cryptography in NaCl", section 8: first key, HSalsa20 of it with the nonce prefix, and the stream's begin.
  const first = hex('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389');
  const second = hsalsa20(first, hex('69696ee955b62b73cd62bda875fc73d6'));
  assert.equal(second.toString('hex'), 'dc908dda0b9344a953629b733820778880f3ceb421bb61b91cbd4c3e66256ce4');
  const stream = salsa20Stream(second, hex('8219e0036b7a0b37'), 32);
  assert.equal(stream.toString('hex'), 'eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880');
});

for (const provider of ['aescbc', 'aesgcm', 'secretbox']) {
  test(`${provider} keeps values unreadable and gives them back`, () => {
    const one = new EncryptionTransformer(
      config(`[{${provider}: {keys: [{name: k1, secret: "${key32}"}]}}, {identity: {}}]`),
      resourceOf,
    );
    const sealed = one.toStorage(at, plain);
    assert.ok(sealed.toString('latin1').startsWith(`k8s:enc:${provider}:v1:k1:`));
    assert.ok(!sealed.includes('geheim'));
    assert.deepEqual(one.fromStorage(at, sealed), plain);
    assert.deepEqual(one.fromStorage(at, plain), plain, 'values from before encryption was switched on');
    const other = Buffer.alloc(32, 9).toString('base64');
    const stranger = new EncryptionTransformer(
      config(`[{${provider}: {keys: [{name: k1, secret: "${other}"}]}}]`),
      resourceOf,
    );
    if (provider !== 'aescbc') assert.throws(() => stranger.fromStorage(at, sealed));
    sealed[sealed.length - 1] = (sealed[sealed.length - 1] as number) ^ 1;
    if (provider !== 'aescbc') assert.throws(() => one.fromStorage(at, sealed));
  });
}

test('GCM binds a value to its key in etcd', () => {
  const one = new EncryptionTransformer(config(`[{aesgcm: {keys: [{name: k1, secret: "${key32}"}]}}]`), resourceOf);
  assert.throws(() => one.fromStorage('/registry/secrets/default/b', one.toStorage(at, plain)));
});

test('only the resources that are named are encrypted', () => {
  const one = new EncryptionTransformer(
    config(`[{aescbc: {keys: [{name: k, secret: "${key32}"}]}}]`, '[secrets, "*.apps"]'),
    resourceOf,
  );
  assert.equal(one.toStorage('/registry/pods/a/b', plain), plain);
  assert.equal(one.toStorage('/registry/ranges/x', plain), plain);
  assert.notEqual(one.toStorage('/registry/deployments/a/b', plain), plain);
});

test('wrong configurations are refused without showing keys', () => {
  assert.throws(
    () => config('[{aescbc: {keys: [{name: k, secret: c2hvcnQ=}]}}]'),
    (e) => {
      assert.match((e as Error).message, /secret is not of the expected length, got 5/);
      assert.ok(!(e as Error).message.includes('c2hvcnQ'));
      return true;
    },
  );
  assert.throws(() => config('[{kms: {}}]'), /kms/);
  assert.throws(() => parseEncryptionConfig('kind: Pod', 'f'), /EncryptionConfiguration/);
});
