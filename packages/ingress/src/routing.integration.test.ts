import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import type { V1Ingress } from '@kubelab/api';
import { type Echo, ingress, path, TestProxy } from './testing/test-proxy.js';

// Which backend gets a request, with what; the cases of kubernetes-sigs/ingress-controller-conformance among them.

let proxy: TestProxy;

before(async () => {
  proxy = await TestProxy.start();
  for (const name of ['a', 'b', 'c']) proxy.addService(name, [(await proxy.backend(name)).port]);
  proxy.addService('empty', []);
});
after(() => proxy.stop());

const rule = (host: string, ...paths: ReturnType<typeof path>[]) => ({
  ...(host === '' ? {} : { host }),
  http: { paths },
});
const defaultTo = (name: string) => ({ service: { name, port: { number: 80 } } });

interface Case {
  what: string;
  ingresses: V1Ingress[];
  expected: [url: string, who: string][];
}
const cases: Case[] = [
  {
    what: 'host rules',
    ingresses: [ingress('hosts', { rules: [rule('*.foo.com', path('/', 'a')), rule('foo.bar.com', path('/', 'b'))] })],
    expected: [
      ['http://foo.bar.com', 'b /'],
      ['http://FOO.bar.COM', 'b /'],
      ['http://foo.bar.com:8080', 'b /'],
      ['http://subdomain.bar.com', '404'],
      ['http://bar.foo.com', 'a /'],
      ['http://baz.bar.foo.com', '404'],
      ['http://foo.com', '404'],
    ],
  },
  {
    what: 'a host comes before a wildcard, a wildcard before no host',
    ingresses: [
      ingress('all', { rules: [rule('', path('/', 'a'))] }),
      ingress('wild', { rules: [rule('*.foo.com', path('/', 'b'))] }),
      ingress('one', { rules: [rule('one.foo.com', path('/', 'c'))] }),
    ],
    expected: [
      ['http://one.foo.com', 'c /'],
      ['http://two.foo.com', 'b /'],
      ['http://x.two.foo.com', 'a /'],
      ['http://127.0.0.1', 'a /'],
    ],
  },
  {
    what: 'path rules',
    ingresses: [
      ingress('paths', {
        rules: [
          rule('exact', path('/foo', 'a', 'Exact')),
          rule('prefix', path('/foo', 'a'), path('/aaa/bbb', 'b'), path('/aaa', 'c')),
          rule('mixed', path('/foo', 'a'), path('/foo', 'b', 'Exact')),
          rule('slash', path('/aaa/bbb/', 'a'), path('/foo/', 'b', 'Exact')),
        ],
      }),
    ],
    expected: [
      ['http://exact/foo', 'a /foo'],
      ['http://exact/foo?x=/y', 'a /foo?x=/y'],
      ['http://exact/foo/', '404'],
      ['http://exact/FOO', '404'],
      ['http://exact/bar', '404'],
      ['http://prefix/foo', 'a /foo'],
      ['http://prefix/foo/', 'a /foo/'],
      ['http://prefix/FOO', '404'],
      ['http://prefix/foobar', '404'],
      ['http://prefix/aaa/bbb', 'b /aaa/bbb'],
      ['http://prefix/aaa/bbb/ccc', 'b /aaa/bbb/ccc'],
      ['http://prefix/aaa/ccc', 'c /aaa/ccc'],
      ['http://prefix/aaa/bbbxyz', 'c /aaa/bbbxyz'],
      ['http://prefix/aaaccc', '404'],
      ['http://mixed/foo', 'b /foo'],
      ['http://mixed/foo/', 'a /foo/'],
      ['http://slash/aaa/bbb', 'a /aaa/bbb'],
      ['http://slash/aaa/bbb/', 'a /aaa/bbb/'],
      ['http://slash/foo', '404'],
      ['http://slash/foo/', 'b /foo/'],
    ],
  },
  {
    what: 'every kind of path: root, none, encoded, ImplementationSpecific, odd characters',
    ingresses: [
      ingress('odd', {
        rules: [
          rule('root', path('/', 'a', 'Exact'), path('/', 'b')),
          { host: 'none', http: { paths: [{ ...path('/', 'a', 'ImplementationSpecific'), path: '' }] } },
          rule('odd', path('/a%20b', 'a'), path('/x;y={z}', 'b'), path("/it's", 'c', 'Exact'), path('/~t.*', 'a')),
          rule('spec', path('/foo', 'c', 'ImplementationSpecific')),
        ],
      }),
    ],
    expected: [
      ['http://root/', 'a /'],
      ['http://root/x', 'b /x'],
      ['http://none/any', 'a /any'],
      ['http://odd/a%20b/c', 'a /a%20b/c'],
      ['http://odd/x;y={z}', 'b /x;y={z}'],
      ["http://odd/it's", "c /it's"],
      ['http://odd/~t.*', 'a /~t.*'],
      ['http://odd/~tt', '404'],
      ['http://spec/foo/bar', 'c /foo/bar'],
    ],
  },
  {
    what: 'an Ingress without rules is the default backend',
    ingresses: [
      ingress('default', { defaultBackend: defaultTo('a') }),
      ingress('rules', { rules: [rule('ruled', path('/here', 'b'))] }),
    ],
    expected: [
      ['http://my-host', 'a /'],
      ['http://my-host/sub-path', 'a /sub-path'],
      ['http://ruled/here', 'b /here'],
      ['http://ruled/there', 'a /there'],
    ],
  },
  {
    what: 'a default backend beside rules takes what they do not match',
    ingresses: [
      ingress('both', { defaultBackend: defaultTo('a'), rules: [rule('both', path('/here', 'b'))] }),
      ingress('other', { rules: [rule('other', path('/here', 'c'))] }),
    ],
    expected: [
      ['http://both/here', 'b /here'],
      ['http://both/there', 'a /there'],
      ['http://unknown/', 'a /'],
      ['http://other/here', 'c /here'],
    ],
  },
  {
    what: 'without a default backend there is 404',
    ingresses: [ingress('some', { rules: [rule('some', path('/here', 'a'))] })],
    expected: [
      ['http://some/there', '404'],
      ['http://any/here', '404'],
    ],
  },
  {
    what: 'the older of two Ingresses keeps a path',
    ingresses: [
      ingress('a-new', { rules: [rule('both', path('/x', 'a'), path('/y', 'a'))] }),
      {
        ...ingress('z-old', { rules: [rule('both', path('/x', 'b'))] }),
        metadata: { name: 'z-old', namespace: 'default', creationTimestamp: '2025-01-01T00:00:00Z' },
      },
    ],
    expected: [
      ['http://both/x', 'b /x'],
      ['http://both/y', 'a /y'],
    ],
  },
];

for (const { what, ingresses, expected } of cases) {
  test(what, async () => {
    await proxy.apply(...ingresses);
    for (const [url, who] of expected) assert.equal(await proxy.who(url), who, url);
    assert.deepEqual([...proxy.complaints], []);
  });
}

test('requests get through as they are, with where they came from', async () => {
  await proxy.apply(ingress('all', { defaultBackend: defaultTo('a') }));
  for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
    const { status, body, headers } = await proxy.get('http://some-host/resource', {
      method,
      body: method === 'GET' ? '' : 'x',
      headers: { 'user-agent': 'test', 'x-forwarded-for': '192.0.2.66', 'x-forwarded-proto': 'https' },
    });
    const echo = JSON.parse(body) as Echo;
    assert.deepEqual([status, echo.method, echo.path], [200, method, '/resource']);
    assert.ok(headers['content-length'] && headers.date && headers.server);
    const { 'x-request-id': id, ...forwarded } = echo.headers;
    assert.match(String(id), /^[0-9a-f]{32}$/);
    for (const [name, value] of Object.entries({
      host: 'some-host',
      'user-agent': 'test',
      // What a client claims of itself is not passed on.
      'x-forwarded-for': '127.0.0.1',
      'x-real-ip': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-scheme': 'http',
      'x-forwarded-host': 'some-host',
      'x-forwarded-port': String(proxy.http),
    })) {
      assert.equal(forwarded[name], value, name);
    }
  }
});

test('a websocket is passed on, both ways', async () => {
  const backend = await proxy.backend('socket');
  backend.server.on('upgrade', (_q, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.on('data', (d: Buffer) => socket.write(`you said ${d}`));
    socket.on('error', () => socket.destroy());
  });
  proxy.addService('socket', [backend.port]);
  await proxy.apply(ingress('socket', { defaultBackend: defaultTo('socket') }));
  const said = await new Promise<string>((resolve, reject) => {
    const socket = connect(proxy.http, '127.0.0.1');
    let text = '';
    socket.on('error', reject);
    socket.on('data', (d: Buffer) => {
      text += d;
      if (text.endsWith('\r\n\r\n')) socket.write('hello');
      if (!text.includes('you said hello')) return;
      socket.destroy();
      resolve(text);
    });
    socket.write(
      'GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
  });
  assert.match(said, /^HTTP\/1.1 101 .*you said hello$/s);
});

test('backends: port by name and by number, no endpoints, no Service, no such port, a resource', async () => {
  const to = (p: string, name: string, port: object) => ({
    path: p,
    pathType: 'Exact',
    backend: { service: { name, port } },
  });
  const resource = { apiGroup: 'x', kind: 'Bucket', name: 'b' };
  await proxy.apply(
    ingress('backends', {
      rules: [
        rule(
          'x',
          ...[
            to('/name', 'a', { name: 'http' }),
            to('/number', 'a', { number: 80 }),
            to('/empty', 'empty', { number: 80 }),
          ],
          ...[to('/gone', 'gone', { number: 80 }), to('/port', 'a', { number: 81 }), to('/named', 'a', { name: 'x' })],
          { path: '/resource', pathType: 'Exact', backend: { resource } },
        ),
      ],
    }),
  );
  assert.equal(await proxy.who('http://x/name'), 'a /name');
  assert.equal(await proxy.who('http://x/number'), 'a /number');
  for (const p of ['empty', 'gone', 'port', 'named', 'resource']) {
    assert.equal((await proxy.get(`http://x/${p}`)).status, 503, p);
  }
  assert.equal((await proxy.get('http://x/empty')).body, 'no endpoints\n');
  assert.deepEqual(
    [...proxy.complaints],
    [
      'backends: Service gone does not exist',
      'backends: Service a has no port 81',
      'backends: Service a has no port x',
      'backends: resource backends are not supported',
    ],
  );
  // A Service that comes needs no other configuration.
  proxy.addService('gone', [proxy.backends[1]?.port ?? 0]);
  await proxy.reconcile();
  assert.equal(await proxy.who('http://x/gone'), 'b /gone');
});

test('ExternalName backends, by name and by address', async () => {
  const port = proxy.backends[2]?.port ?? 0;
  const service = (name: string, externalName: string) =>
    proxy.services.set(name, {
      metadata: { name, namespace: 'default' },
      spec: { type: 'ExternalName', externalName },
    });
  service('named', 'backend.example');
  service('address', '127.0.0.1');
  proxy.external.set('backend.example', ['127.0.0.1']);
  const to = (name: string) => ({ service: { name, port: { number: port } } });
  const paths = ['named', 'address'].map((n) => ({ path: `/${n}`, pathType: 'Prefix', backend: to(n) }));
  await proxy.apply(ingress('external', { rules: [{ http: { paths } }] }));
  assert.equal(await proxy.who('http://x/named'), 'c /named');
  assert.equal(await proxy.who('http://x/address'), 'c /address');
  proxy.external.delete('backend.example');
  await proxy.reconcile();
  assert.equal(await proxy.who('http://x/named'), '503');
});

test('annotations: rewrite, body size, timeout', async () => {
  const note = (name: string, value: string) => ({ [`nginx.ingress.kubernetes.io/${name}`]: value });
  const rules = [rule('x', path('/old', 'a'))];
  await proxy.apply(
    ingress('notes', { rules }, { ...note('rewrite-target', '/new'), ...note('proxy-body-size', '1k') }),
  );
  assert.equal(await proxy.who('http://x/old/x'), 'a /new');
  assert.equal((await proxy.get('http://x/old', { method: 'POST', body: 'x'.repeat(1025) })).status, 413);
  assert.equal((await proxy.get('http://x/old', { method: 'POST', body: 'x'.repeat(1024) })).status, 200);
});

test('what could break out of the configuration is refused; the rest is served', async () => {
  await proxy.apply(
    ingress(
      'evil',
      { rules: [rule('e.example', path('/a"; } evil', 'a'), path('/b\\', 'a'), path('/c\nd', 'a'), path('/ok', 'a'))] },
      { 'nginx.ingress.kubernetes.io/proxy-body-size': '1m; evil' },
    ),
  );
  assert.equal(await proxy.who('http://e.example/ok'), 'a /ok');
  assert.equal([...proxy.complaints].filter((c) => /^evil: path .* cannot be served$/.test(c)).length, 3);
});

test('an Ingress that nginx refuses is left out until it changes, and told what nginx said', async () => {
  // No API server lets such a host in; whatever else nginx may refuse goes the same way.
  const bad = ingress('bad', { rules: [rule('b{d', path('/', 'a'))] });
  await proxy.apply(
    ingress('good', { rules: [rule('good', path('/', 'a'))] }),
    bad,
    ingress('later', { rules: [rule('later', path('/', 'b'))] }),
  );
  assert.equal(await proxy.who('http://good/'), 'a /');
  assert.equal(await proxy.who('http://later/'), 'b /');
  assert.match([...proxy.complaints].join(), /^bad: nginx refuses it: /);
  proxy.ingresses = proxy.ingresses.map((i) =>
    i === bad
      ? { ...bad, metadata: { ...bad.metadata, generation: 2 }, spec: { rules: [rule('bad', path('/', 'c'))] } }
      : i,
  );
  await proxy.reconcile();
  assert.equal(await proxy.who('http://bad/'), 'c /');
});
