import assert from 'node:assert/strict';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { StatusError } from '@kubelab/apimachinery';
import { createCa, signCertificate } from '@kubelab/pki';
import { MemoryObjects } from '../test-objects.js';
import { type Connect, createConnect } from './build.js';
import type { ConnectRequest } from './connector.js';
import { splitSchemeNamePort } from './proxy.js';
import { HtmlRewriter } from './rewrite-html.js';
import { rewriteUrl } from './rewrite-url.js';

const core = (resource: string) => ({ group: '', resource });

/** A kubelet that says what it was asked, and a front that hands requests to the connect handlers. */
describe('connect', () => {
  let kubelet: TlsServer;
  let front: Server;
  let connect: Connect;
  const asked: string[] = [];
  const objects = new MemoryObjects();
  let next: Partial<ConnectRequest> = {};
  let answered = new Headers();

  const handle = (req: IncomingMessage, rest: Pick<ConnectRequest, 'res' | 'upgrade'>) => {
    const query = new URLSearchParams((req.url ?? '').split('?')[1] ?? '');
    const c: ConnectRequest = {
      req,
      user: { name: 'x', groups: [] },
      resource: 'pods',
      subresource: 'log',
      namespace: 'dev',
      name: 'p',
      subpath: '',
      query,
      ...rest,
      ...next,
    };
    return connect.handlers[`${c.resource}/${c.subresource}`]?.(c);
  };

  before(async () => {
    const ca = await createCa('ca');
    const server = await signCertificate(ca, { commonName: 'n1', ipAddresses: ['127.0.0.1'], usages: ['server'] });
    const client = await signCertificate(ca, { commonName: 'apiserver', usages: ['client'] });
    kubelet = createServer(
      { cert: server.certPem, key: server.keyPem, ca: ca.certPem, requestCert: true, rejectUnauthorized: true },
      (req, res) => {
        asked.push(`${req.method} ${req.url} ${req.headers.authorization ?? '-'}`);
        if (req.url?.endsWith('/gone')) {
          res.writeHead(404);
          res.end('container not here');
        } else res.end('a log line\n');
      },
    );
    kubelet.on('upgrade', (req: IncomingMessage, socket: Duplex) => {
      asked.push(`${req.method} ${req.url}`);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
      socket.on('data', (d: Buffer) => socket.end(`echo ${d.toString()}`));
    });
    await new Promise<void>((r) => kubelet.listen(0, '127.0.0.1', r));
    const port = (kubelet.address() as AddressInfo).port;
    objects.put(core('nodes'), {
      metadata: { name: 'n1' },
      status: {
        addresses: [
          { type: 'Hostname', address: 'unknown.invalid' },
          { type: 'InternalIP', address: '127.0.0.1' },
        ],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    });
    const pod = (name: string, spec: object) =>
      objects.put(core('pods'), { metadata: { name, namespace: 'dev' }, spec: spec as Record<string, unknown> });
    pod('p', { nodeName: 'n1', containers: [{ name: 'c' }] });
    pod('two', { nodeName: 'n1', containers: [{ name: 'c' }, { name: 'gone' }], initContainers: [{ name: 'i' }] });
    pod('pending', { containers: [{ name: 'c' }] });
    connect = createConnect(objects, {
      certPem: client.certPem,
      keyPem: client.keyPem,
      caPem: ca.certPem,
      preferredAddressTypes: ['InternalIP'],
    });
    front = createHttpServer((req, res: ServerResponse) => {
      handle(req, { res })?.catch((err: unknown) => {
        res.writeHead(err instanceof StatusError ? err.code : 500);
        res.end((err as Error).message);
      });
    });
    front.on(
      'upgrade',
      (req: IncomingMessage, socket: Duplex, head: Buffer) => void handle(req, { upgrade: { socket, head } }),
    );
    await new Promise<void>((r) => front.listen(0, '127.0.0.1', r));
  });
  after(() => {
    connect.close();
    front.close();
    kubelet.closeAllConnections();
    kubelet.close();
  });

  const get = async (path: string, c: Partial<ConnectRequest>) => {
    next = c;
    asked.length = 0;
    const res = await fetch(`http://127.0.0.1:${(front.address() as AddressInfo).port}${path}`, {
      headers: { authorization: 'Bearer secret' },
    });
    answered = res.headers;
    return { code: res.status, text: await res.text() };
  };

  it('streams logs with the client certificate and without the credentials of the caller', async () => {
    assert.deepEqual(await get('/?follow=true&tailLines=5&other=1', {}), { code: 200, text: 'a log line\n' });
    assert.deepEqual(asked, ['GET /containerLogs/dev/p/c?follow=true&tailLines=5 -']);
  });
  it('answers mistakes as Kubernetes does', async () => {
    assert.deepEqual(await get('/', { name: 'nope' }), { code: 404, text: 'pods "nope" not found' });
    assert.deepEqual(await get('/', { name: 'two' }), {
      code: 400,
      text: 'a container name must be specified for pod two, choose one of: [c gone] or one of the init containers: [i]',
    });
    assert.deepEqual(await get('/?container=x', { name: 'two' }), {
      code: 400,
      text: 'container x is not valid for pod two',
    });
    assert.deepEqual(await get('/?container=gone', { name: 'two' }), { code: 404, text: 'container not here' });
    assert.deepEqual(await get('/', { name: 'pending' }), { code: 200, text: '' });
    assert.equal((await get('/?tailLines=-1', {})).code, 422);
    assert.deepEqual(await get('/', { name: 'pending', subresource: 'exec' }), {
      code: 400,
      text: 'pod pending does not have a host assigned',
    });
  });
  it('passes an upgraded exec through', async () => {
    next = { subresource: 'exec' };
    asked.length = 0;
    const text = await new Promise<string>((resolve, reject) => {
      const req = request({
        port: (front.address() as AddressInfo).port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/?command=ls&command=-l&stdin=true&stdout=true&tty=false&container=c',
        headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
      });
      req.once('upgrade', (_res, socket) => {
        let out = '';
        socket.on('data', (d: Buffer) => {
          out += d.toString();
        });
        socket.once('end', () => resolve(out));
        socket.write('hello');
      });
      req.once('error', reject);
      req.end();
    });
    assert.equal(text, 'echo hello');
    assert.deepEqual(asked, ['POST /exec/dev/p/c?input=1&output=1&command=ls&command=-l']);
  });
  it('proxies to nodes', async () => {
    const node = { resource: 'nodes', subresource: 'proxy', namespace: '', name: 'n1' };
    assert.deepEqual(await get('/api/v1/nodes/n1/proxy/pods?x=%20+?&x', { ...node, subpath: '/pods' }), {
      code: 200,
      text: 'a log line\n',
    });
    assert.deepEqual(asked, ['GET /pods?x=%20+?&x -']);
  });
  it('proxies to services, and says why it can not', async () => {
    const backend = createHttpServer((req, res) => {
      res.setHeader('access-control-allow-origin', '*');
      res.setHeader('x-backend', 'yes');
      res.end(`${req.method} ${req.url}`);
    });
    await new Promise<void>((r) => backend.listen(0, '127.0.0.1', r));
    const { port } = backend.address() as AddressInfo;
    const metadata = { name: 'web', namespace: 'dev' };
    const ports = [{ name: 'http', port: 80 }];
    objects.put(core('services'), { metadata, spec: { ports: [...ports, { name: 'other', port: 81 }] } });
    objects.put(core('endpoints'), {
      metadata,
      subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ name: 'http', port }] }],
    } as never);
    const ask = (name: string) =>
      get('/api/v1/namespaces/dev/services/x/proxy/a', {
        resource: 'services',
        subresource: 'proxy',
        name,
        subpath: '/a',
      });
    try {
      assert.deepEqual(await ask('web:80'), { code: 200, text: 'GET /a' });
      assert.deepEqual([answered.get('x-backend'), answered.get('access-control-allow-origin')], ['yes', null]);
      assert.equal((await ask('web:http')).text, 'GET /a');
      for (const [name, text] of [
        ['web:82', 'no service port 82 found for service "web"'],
        ['web:81', 'no endpoints available for service "web"'],
        ['web:none', 'no endpoints available for service "web"'],
        ['web', 'no endpoints available for service "web"'],
      ] as const) {
        const { code, text: said } = await ask(name);
        assert.deepEqual([code, said], [503, text], name);
      }
    } finally {
      backend.close();
    }
  });
});

describe('proxy names', () => {
  it('are split', () => {
    assert.deepEqual(splitSchemeNamePort('web'), { scheme: '', name: 'web', port: '' });
    assert.deepEqual(splitSchemeNamePort('web:http'), { scheme: '', name: 'web', port: 'http' });
    assert.deepEqual(splitSchemeNamePort('https:web:443'), { scheme: 'https', name: 'web', port: '443' });
    assert.throws(() => splitSchemeNamePort('ftp:web:1'), StatusError);
  });
  it('stay in redirects', () => {
    const target = new URL('http://10.0.0.1:8080/a');
    const rewrite = (url: string) => rewriteUrl(url, target, 'api:6443', '/proxy/');
    for (const [url, expected] of [
      ['/b?x=1', '/proxy/b?x=1'],
      ['http://10.0.0.1:8080/b#c', '/proxy/b#c'],
      ['http://10.0.0.1:8080', '/proxy/'],
      ['https://api:6443/b', '/proxy/b'],
      ['//elsewhere/b', '//elsewhere/b'],
      ['http://elsewhere/b', 'http://elsewhere/b'],
      ['b/c', 'b/c'],
      ['mailto:a@b', 'mailto:a@b'],
      ['/proxy/b', '/proxy/b'],
      ['/proxyb', '/proxy/proxyb'],
    ] as const) {
      assert.equal(rewrite(url), expected, url);
    }
  });
  it('stay in pages, however they are cut', async () => {
    const page = `<!doctype html><p title="<a href='/x'>">a < b <A class=x HREF='/a?b=1&amp;c'>\u00e4</a>
<!-- <a href="/no"> --><img src=/i.png alt="/i"><script src="/s.js">"<a href='/no'>"</script><a href="rel"></a><`;
    const expected = page
      .replace("HREF='/a", "HREF='/p/a")
      .replace('src=/i', 'src=/p/i')
      .replace('"/s.js"', '"/p/s.js"');
    const bytes = Buffer.from(page);
    for (const size of [1, 3, 7, bytes.length]) {
      const rewriter = new HtmlRewriter((url) => (url.startsWith('/') ? `/p${url}` : url));
      for (let i = 0; i < bytes.length; i += size) rewriter.write(bytes.subarray(i, i + size));
      rewriter.end();
      assert.equal(Buffer.concat(await rewriter.toArray()).toString(), expected, `in parts of ${size}`);
    }
  });
});
