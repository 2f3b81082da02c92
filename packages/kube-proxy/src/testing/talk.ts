import { createSocket } from 'node:dgram';
import { createConnection, createServer, type Socket } from 'node:net';

// What the namespaces of a lab say to each other: a line is answered by `NAME PEER-ADDRESS`, over TCP and UDP.

const held = new Map<string, Socket>();
/** A datagram may get lost where rules change (IPVS drops one whose server has gone): it is sent again. */
const resendMs = 500;

/** Answers on a port as NAME, on others than 8080 as NAME:PORT. */
export async function serve(name: string, port: number): Promise<string> {
  const own = port === 8080 ? name : `${name}:${port}`;
  const text = (address = '') => `${own} ${address.replace('::ffff:', '')}\n`;
  const server = createServer((socket) => {
    socket.on('data', () => socket.write(text(socket.remoteAddress)));
    // A client that resets its connection is part of the test.
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
  });
  const udp = createSocket('udp6');
  udp.on('message', (_m, from) => udp.send(text(from.address), from.port, from.address));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '::', resolve);
  });
  await new Promise<void>((resolve, reject) => {
    udp.once('error', reject);
    udp.bind(port, '::', resolve);
  });
  // The place ends with who asks, not with its servers.
  server.unref();
  udp.unref();
  return own;
}

/** `10.0.0.1:81`, `[fd00::1]:81`; without a port it is 80. */
function parse(target: string): { host: string; port: number } {
  const [, six, four, port = '80'] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(target) ?? [];
  const host = six ?? four;
  if (!host) throw new Error(`${JSON.stringify(target)} is no address`);
  return { host, port: Number(port) };
}

/** What an error is to who asks: `refused`, or its code. */
const refusal = (e: NodeJS.ErrnoException) => (e.code === 'ECONNREFUSED' ? 'refused' : (e.code ?? e.message));

function line(socket: Socket, ms: number): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => end('timeout'), ms);
    const end = (answer: string) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => socket.destroy());
      resolve(answer);
    };
    socket.once('data', (d) => end(String(d).trim()));
    socket.once('error', (e: NodeJS.ErrnoException) => end(refusal(e)));
    socket.once('close', () => end('closed'));
    socket.write('?\n');
  });
}

/** Asks over a new connection. */
export async function get(target: string, ms: number): Promise<string> {
  const socket = createConnection(parse(target));
  const answer = await line(socket, ms);
  socket.destroy();
  return answer;
}

/** Asks over a connection that stays open under a name: a new one the first time. */
export async function again(name: string, target: string, ms: number): Promise<string> {
  let socket = held.get(name);
  if (!socket) {
    socket = createConnection(parse(target));
    held.set(name, socket);
  }
  return line(socket, ms);
}

/** Asks by datagrams from a fixed port. */
export function udp(target: string, sourcePort: number, ms: number): Promise<string> {
  const { host, port } = parse(target);
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const resend = setInterval(() => socket.send('?'), resendMs);
    const end = (answer: string) => {
      clearInterval(resend);
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.close(() => resolve(answer));
    };
    const timer = setTimeout(() => end('timeout'), ms);
    socket.once('message', (m) => end(String(m).trim()));
    socket.once('error', (e) => end(refusal(e)));
    socket.bind(sourcePort, () => socket.connect(port, host, () => socket.send('?')));
  });
}

/** What one namespace can be told to do. */
export const methods = { serve, get, again, udp };
