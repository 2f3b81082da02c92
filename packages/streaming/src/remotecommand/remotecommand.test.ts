import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { type RawData, WebSocket } from 'ws';
import { type CommandHandler, connectCommand, serveExec, spdyProtocols, streamOptionsOf } from '../index.js';

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(handler: CommandHandler): Promise<URL> {
  const server = createServer();
  server.on('upgrade', (req, socket, head) => {
    const query = new URL(req.url ?? '/', 'http://x').searchParams;
    void serveExec(req, socket, head, streamOptionsOf(query), handler);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/exec`);
}

async function read(stream: Readable | undefined): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of stream ?? []) parts.push(chunk as Buffer);
  return Buffer.concat(parts);
}

/** Copies stdin to stdout, its size to stderr, and exits with 7. */
const cat: CommandHandler = async ({ stdin, stdout, stderr }) => {
  let size = 0;
  for await (const chunk of stdin ?? []) {
    size += (chunk as Buffer).length;
    if (stdout && !stdout.write(chunk)) await once(stdout, 'drain');
  }
  stderr?.write(`${size} bytes`);
  return 7;
};

for (const protocol of spdyProtocols) {
  test(`SPDY ${protocol}: stdin until its end, both outputs, the exit code`, async () => {
    const url = await serve(cat);
    url.search = '?stdin=1&stdout=1&stderr=1';
    const options = { stdin: true, stdout: true, stderr: true, tty: false };
    const command = await connectCommand(url, options, { protocols: [protocol] });
    assert.equal(command.protocol, protocol);
    const big = randomBytes(3_000_000);
    command.stdin?.end(big);
    const [out, err, code] = await Promise.allSettled([read(command.stdout), read(command.stderr), command.exitCode]);
    assert.ok(out.status === 'fulfilled' && out.value.equals(big));
    assert.ok(err.status === 'fulfilled' && err.value.toString() === '3000000 bytes');
    if (protocol === 'v4.channel.k8s.io') assert.equal(code.status === 'fulfilled' && code.value, 7);
    else assert.match(String(code.status === 'rejected' && code.reason), /exit status 7/);
  });
}

test('SPDY: a terminal’s sizes arrive, a failure is an internal error', async () => {
  const url = await serve(async ({ resizes, stdout, tty }) => {
    assert.equal(tty, true);
    const size = await new Promise((resolve) => resizes.listen(resolve));
    stdout?.write(JSON.stringify(size));
    throw new Error('no such container');
  });
  url.search = '?stdout=true&tty=true';
  const command = await connectCommand(url, { stdin: false, stdout: true, stderr: false, tty: true });
  command.resize({ width: 120, height: 40 });
  const [out, code] = await Promise.allSettled([read(command.stdout), command.exitCode]);
  assert.equal(out.status === 'fulfilled' && out.value.toString(), '{"width":120,"height":40}');
  assert.match(String(code.status === 'rejected' && code.reason), /no such container/);
});

test('SPDY: a client that goes away aborts the command', async () => {
  let aborted: (() => void) | undefined;
  const gone = new Promise<void>((resolve) => {
    aborted = resolve;
  });
  const url = await serve(({ signal, stdout }) => {
    stdout?.write('ready');
    return new Promise(() => signal.addEventListener('abort', () => aborted?.()));
  });
  url.search = '?stdout=1';
  const command = await connectCommand(url, { stdin: false, stdout: true, stderr: false, tty: false });
  const outcome = assert.rejects(command.exitCode);
  await once(command.stdout as Readable, 'data');
  command.close();
  await gone;
  await outcome;
});

test('SPDY: unknown sub-protocols are refused with those accepted', async () => {
  const url = await serve(cat);
  const options = { stdin: false, stdout: true, stderr: false, tty: false };
  await assert.rejects(connectCommand(url, options, { protocols: ['v9.channel.k8s.io'] }), { statusCode: 403 });
});

interface Received {
  out: Buffer;
  error: string;
  code: number;
}

function converse(ws: WebSocket, base64: boolean): Promise<Received> {
  const received: Received = { out: Buffer.alloc(0), error: '', code: 0 };
  ws.on('message', (data: RawData) => {
    const bytes = data as Buffer;
    const channel = base64 ? Number(bytes.toString('latin1', 0, 1)) : bytes.readUInt8(0);
    const payload = base64 ? Buffer.from(bytes.toString('latin1', 1), 'base64') : bytes.subarray(1);
    if (channel === 1) received.out = Buffer.concat([received.out, payload]);
    if (channel === 3) received.error += payload.toString();
  });
  return new Promise((resolve) => ws.once('close', (code) => resolve({ ...received, code })));
}

test('WebSocket v5: the close signal ends stdin', async () => {
  const url = await serve(cat);
  url.search = '?stdin=1&stdout=1&stderr=1';
  const ws = new WebSocket(url.href.replace('http', 'ws'), ['v5.channel.k8s.io', 'v4.channel.k8s.io']);
  const done = converse(ws, false);
  await once(ws, 'open');
  assert.equal(ws.protocol, 'v5.channel.k8s.io');
  const big = randomBytes(1_000_000);
  ws.send(Buffer.concat([Buffer.from([0]), big]));
  ws.send(Buffer.from([255, 0]));
  const { out, error, code } = await done;
  assert.ok(out.equals(big));
  assert.equal(JSON.parse(error).details.causes[0].message, '7');
  assert.equal(code, 1000);
});

test('WebSocket base64: text in, text out', async () => {
  const url = await serve(async ({ stdin, stdout }) => {
    const [chunk] = (await once(stdin as Readable, 'data')) as [Buffer];
    stdout?.write(`got ${chunk}`);
  });
  url.search = '?stdin=1&stdout=1';
  const ws = new WebSocket(url.href.replace('http', 'ws'), ['v4.base64.channel.k8s.io']);
  const done = converse(ws, true);
  await once(ws, 'open');
  ws.send(`0${Buffer.from('hello').toString('base64')}`);
  const { out, error } = await done;
  assert.equal(out.toString(), 'got hello');
  assert.equal(JSON.parse(error).status, 'Success');
});
