/**
 * The streams as the real kubectl speaks them, against a server that has just enough API for exec and port-forward, and
 * through two proxies over TLS as in a cluster: API server, kubelet, runtime.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type CommandHandler, proxyUpgrade, serveExec, servePortForward, streamOptionsOf } from './index.js';

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80 }] }] },
  status: { phase: 'Running' },
};
/** What kubectl asks for before it connects. */
const documents: Record<string, object> = {
  '/version': { major: '1', minor: '33', gitVersion: 'v1.33.0' },
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
  '/api/v1': {
    kind: 'APIResourceList',
    groupVersion: 'v1',
    resources: [{ name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['get', 'list'] }],
  },
  '/api/v1/namespaces/default/pods/p': pod,
};
const seen: string[] = [];
let backend: Server;
let kubelet: Server;
let front: Server;
let address: string;

const cat: CommandHandler = async ({ stdin, stdout, stderr }) => {
  for await (const chunk of stdin ?? []) if (stdout && !stdout.write(chunk)) await once(stdout, 'drain');
  stderr?.write('to stderr');
  return stdin ? 7 : 0;
};

async function listen(server: Server, scheme: string): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function certificate(): { key: string; cert: string } {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-tls-'));
  const [key, cert] = [join(dir, 'key'), join(dir, 'cert')];
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=test', '-keyout', key, '-out', cert];
  execFileSync('openssl', args, { stdio: 'ignore' });
  const pair = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  rmSync(dir, { recursive: true });
  return pair;
}

before(async () => {
  backend = createServer();
  backend.on('upgrade', (req, socket, head) => {
    const url = new URL(req.url ?? '/', 'http://x');
    seen.push(`${req.method} ${req.headers.upgrade} ${req.headers['sec-websocket-protocol'] ?? ''}`);
    if (url.pathname.endsWith('/exec')) {
      void serveExec(req, socket, head, streamOptionsOf(url.searchParams), cat);
    } else {
      void servePortForward(req, socket, head, async (port, stream) => {
        for await (const chunk of stream.iterator({ destroyOnReturn: false })) stream.write(`${port}:${chunk}`);
      });
    }
  });
  const runtime = await listen(backend, 'http');
  const tls = certificate();
  kubelet = createTlsServer(tls);
  kubelet.on('upgrade', (req, socket, head) => void proxyUpgrade(req, socket, head, new URL(req.url ?? '/', runtime)));
  const node = await listen(kubelet, 'https');
  front = createTlsServer(tls, (req: IncomingMessage, res: ServerResponse) => {
    res.setHeader('Content-Type', 'application/json');
    const document = documents[new URL(req.url ?? '/', 'http://x').pathname];
    res.statusCode = document ? 200 : 404;
    res.end(JSON.stringify(document ?? {}));
  });
  const trust = { tls: { ca: tls.cert, checkServerIdentity: () => undefined } };
  front.on('upgrade', (req, socket, head) => {
    void proxyUpgrade(req, socket, head, new URL(req.url ?? '/', node), trust);
  });
  address = await listen(front, 'https');
});

after(() => {
  for (const server of [front, kubelet, backend]) {
    server.closeAllConnections();
    server.close();
  }
});

function kubectl(args: string[], env: Record<string, string>) {
  return spawn(
    'kubectl',
    [`--server=${address}`, '--insecure-skip-tls-verify', '--token=any', '--kubeconfig=/dev/null', ...args],
    {
      env: { ...process.env, ...env },
    },
  );
}

// An older kubectl knows SPDY only, whatever it is asked for.
const { clientVersion } = JSON.parse(execFileSync('kubectl', ['version', '--client', '-o', 'json']).toString());
const transports = Number.parseInt(clientVersion.minor, 10) >= 31 ? ['websocket', 'spdy'] : ['spdy'];

for (const transport of transports) {
  const on = transport === 'websocket' ? 'true' : 'false';
  const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: on, KUBECTL_PORT_FORWARD_WEBSOCKETS: on };

  test(`kubectl exec -i over ${transport}`, async () => {
    const child = kubectl(['exec', '-i', 'p', '-c', 'c', '--', 'cat'], env);
    const big = randomBytes(2_000_000);
    const out: Buffer[] = [];
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk;
    });
    // kubectl may end before it has read everything; its output tells why.
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdin.end(big);
    const [code] = await once(child, 'close');
    assert.match(seen.at(-1) ?? err, transport === 'spdy' ? /SPDY\/3.1/ : /websocket v5/);
    assert.ok(Buffer.concat(out).equals(big), `got ${Buffer.concat(out).length} bytes; ${err}`);
    assert.match(err, /to stderr/);
    assert.equal(code, 7);
  });

  test(`kubectl port-forward over ${transport}`, async () => {
    const child = kubectl(['port-forward', 'p', ':80'], env);
    try {
      let err = '';
      child.stderr.on('data', (chunk: Buffer) => {
        err += chunk;
      });
      const line = await new Promise<string>((resolve, reject) => {
        child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()));
        child.once('close', (code) => reject(new Error(`kubectl ended with ${code}: ${err}`)));
      });
      const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
      for (const text of ['first', 'second']) {
        const socket = createConnection({ host: '127.0.0.1', port, allowHalfOpen: true });
        socket.end(text);
        let answer = '';
        for await (const chunk of socket) answer += String(chunk);
        assert.equal(answer, `80:${text}`);
      }
      assert.match(seen.at(-1) ?? '', transport === 'spdy' ? /SPDY\/3.1/ : /websocket SPDY\/3.1\+portforward.k8s.io/);
    } finally {
      if (child.exitCode === null && child.signalCode === null) {
        const closed = once(child, 'close');
        child.kill();
        await closed;
      }
    }
  });
}
