import { createSocket } from 'node:dgram';
import { createConnection, createServer, type Socket } from 'node:net';

// What the namespaces of the test say to each other: a line is answered by `NAME PEER-ADDRESS`, over TCP and UDP.

/** Long: the guest may be slow. What is expected to get no answer is asked with less. */
const patienceMs = 20_000;
const held = new Map<string, Socket>();

/** Answers on port 8080. */
export function serve(name: string): Promise<void> {
  const text = (address = '') => `${name} ${address.replace('::ffff:', '')}\n`;
  const server = createServer((socket) => {
    socket.on('data', () => socket.write(text(socket.remoteAddress)));
    // A client that resets its connection is part of the test.
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
  });
  const udp = createSocket('udp6');
  udp.on('message', (_m, from) => udp.send(text(from.address), from.port, from.address));
  return new Promise((resolve) => server.listen(8080, '::', () => udp.bind(8080, '::', () => resolve())));
}

function split(target: string): { host: string; port: number } {
  const at = target.lastIndexOf(':');
  return { host: target.slice(0, at).replace(/[[\]]/g, ''), port: Number(target.slice(at + 1)) };
}

/** One line's answer, `refused`, or `timeout`. */
function line(socket: Socket, ms: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end('timeout'), ms);
    const end = (answer: string) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => socket.destroy());
      resolve(answer);
    };
    socket.once('data', (d) => end(String(d).trim()));
    socket.once('error', (e: NodeJS.ErrnoException) => {
      if (e.code === 'ECONNREFUSED') return end('refused');
      clearTimeout(timer);
      reject(e);
    });
    socket.once('close', () => end('closed'));
    socket.write('?\n');
  });
}

/** Asks over a new connection. */
export async function get(target: string, ms = patienceMs): Promise<string> {
  const socket = createConnection(split(target));
  const answer = await line(socket, ms);
  socket.destroy();
  return answer;
}

/** Asks over a connection that stays open under a name: a new one the first time. */
export async function again(name: string, target: string): Promise<string> {
  let socket = held.get(name);
  if (!socket) {
    socket = createConnection(split(target));
    held.set(name, socket);
  }
  return line(socket, patienceMs);
}

/** Resets a held connection. */
export async function reset(name: string): Promise<void> {
  held.get(name)?.resetAndDestroy();
  held.delete(name);
}

/** Asks by datagrams from a fixed port: the second is sent if the first gets no answer, since IPVS may drop one. */
export function udp(target: string, sourcePort: number, ms = patienceMs): Promise<string> {
  const { host, port } = split(target);
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const retry = setTimeout(() => socket.send('?', port, host), 500);
    const end = (answer: string) => {
      clearTimeout(retry);
      clearTimeout(timer);
      socket.close(() => resolve(answer));
    };
    const timer = setTimeout(() => end('timeout'), ms);
    socket.once('message', (m) => end(String(m).trim()));
    socket.bind(sourcePort, () => socket.send('?', port, host));
  });
}

/** What one namespace can be told to ask of another. */
export const methods = { get, again, reset, udp };
