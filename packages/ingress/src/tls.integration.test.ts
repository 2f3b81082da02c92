import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { ingress, path, TestProxy } from './testing/test-proxy.js';

let proxy: TestProxy;
const dir = mkdtempSync(join(tmpdir(), 'ingress-tls-'));

before(async () => {
  proxy = await TestProxy.start();
  for (const name of ['a', 'b']) proxy.addService(name, [(await proxy.backend(name)).port]);
});
after(async () => {
  rmSync(dir, { recursive: true });
  await proxy.stop();
});

/** A secret with a self-signed certificate of a name. */
function secret(name: string, commonName: string, key = 'ec'): void {
  const [keyFile, certFile] = [join(dir, 'k.pem'), join(dir, 'c.pem')];
  const kind = key === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'] : [key];
  const args = ['req', '-x509', '-newkey', ...kind, '-nodes', '-keyout', keyFile, '-out', certFile, '-days', '2'];
  execFileSync('openssl', [...args, '-subj', `/CN=${commonName}`], { stdio: 'ignore' });
  const base64 = (file: string) => readFileSync(file).toString('base64');
  proxy.secrets.set(name, {
    metadata: { name, namespace: 'default' },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64(certFile), 'tls.key': base64(keyFile) },
  });
}

/** Name of the certificate that a client is shown for a host; the error's code if there is no handshake. */
function shown(host: string, at = proxy): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: at.https, servername: host, rejectUnauthorized: false }, () => {
      resolve(`${socket.getPeerCertificate().subject.CN} ${socket.alpnProtocol || 'http/1.1'}`);
      socket.destroy();
    });
    socket.on('error', (e: NodeJS.ErrnoException) => resolve(e.code ?? e.message));
  });
}

const host = (name: string, service = 'a') => ({ host: name, http: { paths: [path('/', service)] } });

test('certificates by name of the server, of a wildcard too; unknown names get none', async () => {
  secret('one', 'one.example');
  secret('wild', 'wild.example');
  await proxy.apply(
    ingress('one', { tls: [{ hosts: ['one.example'], secretName: 'one' }], rules: [host('one.example')] }),
    ingress('wild', {
      tls: [{ hosts: ['*.wild.example'], secretName: 'wild' }],
      rules: [host('x.wild.example', 'b'), host('plain.example', 'b')],
    }),
  );
  assert.equal(await shown('one.example'), 'one.example http/1.1');
  assert.equal(await shown('x.wild.example'), 'wild.example http/1.1');
  assert.equal(await shown('y.wild.example'), 'wild.example http/1.1');
  assert.match(await shown('plain.example'), /^ERR_SSL|ECONNRESET/);
  assert.equal(await proxy.who('https://one.example/s'), 'a /s');
  assert.equal(await proxy.who('https://x.wild.example/s'), 'b /s');
  assert.equal(await proxy.who('http://plain.example/s'), 'b /s');
});

test('HTTP is sent to HTTPS where there is a certificate, if not told otherwise', async () => {
  const tls = { tls: [{ hosts: ['one.example'], secretName: 'one' }], rules: [host('one.example')] };
  await proxy.apply(ingress('one', tls));
  const { status, headers } = await proxy.get('http://one.example/s?q=1');
  assert.deepEqual([status, headers.location], [308, 'https://one.example/s?q=1']);
  await proxy.apply(ingress('one', tls, { 'nginx.ingress.kubernetes.io/ssl-redirect': 'false' }));
  assert.equal(await proxy.who('http://one.example/'), 'a /');
});

test('another certificate is shown as soon as it is there, the old one is no longer kept', async () => {
  const tls = { tls: [{ hosts: ['one.example'], secretName: 'one' }], rules: [host('one.example')] };
  await proxy.apply(ingress('one', tls));
  secret('one', 'renewed.example');
  await proxy.reconcile();
  assert.equal(await shown('one.example'), 'renewed.example http/1.1');
  assert.equal(readdirSync(join(proxy.dir, 'certs')).length, 2);
});

test('secrets that are wrong break only their own hosts', async () => {
  secret('one', 'one.example');
  secret('other', 'other.example');
  secret('weak', 'weak.example', 'rsa:1024');
  const [one, other] = [proxy.secrets.get('one'), proxy.secrets.get('other')];
  const of = (name: string, data: Record<string, string>) =>
    proxy.secrets.set(name, { metadata: { name, namespace: 'default' }, data });
  of('mixed', { 'tls.crt': one?.data?.['tls.crt'] ?? '', 'tls.key': other?.data?.['tls.key'] ?? '' });
  of('empty', {});
  const garbage = Buffer.from('-----BEGIN CERTIFICATE-----\nxyz\n-----END CERTIFICATE-----\n').toString('base64');
  of('garbage', { 'tls.crt': garbage, 'tls.key': one?.data?.['tls.key'] ?? '' });
  const names = ['one', 'mixed', 'empty', 'garbage', 'missing', 'weak'];
  await proxy.apply(
    ...names.map((n) =>
      ingress(n, { tls: [{ hosts: [`${n}.example`], secretName: n }], rules: [host(`${n}.example`)] }),
    ),
  );
  assert.equal(await shown('one.example'), 'one.example http/1.1');
  for (const name of names.slice(1, -1)) {
    assert.match(await shown(`${name}.example`), /^ERR_SSL|ECONNRESET/, name);
    assert.equal(await proxy.who(`http://${name}.example/`), 'a /', name);
  }
  const said = [...proxy.complaints].join('\n');
  assert.match(said, /^mixed: Secret mixed holds a key of another certificate$/m);
  assert.match(said, /^empty: Secret empty holds no certificate and key$/m);
  assert.match(said, /^garbage: Secret garbage holds a certificate or key that can't be read/m);
  assert.match(said, /^missing: Secret missing does not exist$/m);
  // nginx itself refuses a key that is too short, where OpenSSL is set up so.
  assert.equal(/^weak: nginx refuses it/m.test(said), (await proxy.who('http://weak.example/')) === '404');
});

test('an older nginx without Lua serves the same, and is reloaded for endpoints', async () => {
  secret('one', 'one.example');
  const old = await TestProxy.start({ isOld: true });
  try {
    const [a, b] = [await old.backend('a'), await old.backend('b')];
    for (const [name, value] of proxy.secrets) old.secrets.set(name, value);
    old.addService('a', [a.port]);
    await old.apply(
      ingress('one', {
        tls: [{ hosts: ['one.example'], secretName: 'one' }],
        rules: [host('one.example'), host('plain.example')],
      }),
    );
    assert.equal(await shown('one.example', old), 'one.example http/1.1');
    assert.match(await shown('plain.example', old), /^ERR_SSL|ECONNRESET/);
    assert.equal(await old.who('https://one.example/x'), 'a /x');
    old.addService('a', [b.port]);
    await old.reconcile();
    assert.equal(await old.who('http://plain.example/x'), 'b /x');
    old.addService('a', []);
    await old.reconcile();
    assert.equal(await old.who('http://plain.example/x'), '503');
  } finally {
    await old.stop();
  }
});
