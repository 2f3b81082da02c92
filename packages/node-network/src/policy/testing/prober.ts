// Runs in a pod's network namespace: serves TCP and UDP on ports given, and connects where it is told to.
//   node prober.js NAME PORT...
import { createSocket, type Socket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** One connection to try. */
export interface Probe {
  host: string;
  port: number;
  protocol: 'TCP' | 'UDP';
  /** UDP only; default: any. */
  sourcePort?: number;
  /** How long an answer is waited for. */
  timeoutMs: number;
}

/** `open NAME`: who answered; `dropped`: nobody did; anything else is a fault of the network. */
export type ProbeResult = string;

export interface ProbeRequest {
  id: number;
  probes: Probe[];
}

export interface ProbeReply {
  id: number;
  results: ProbeResult[];
}

const [name = '', ...ports] = process.argv.slice(2);

async function serve(port: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const server = createServer((socket) => {
      // A peer that gave up waiting resets the connection.
      socket.on('error', () => socket.destroy());
      socket.end(name);
    });
    server.listen(port, '::', resolve);
  });
  await new Promise<void>((resolve) => {
    const server = createSocket('udp6', (_message, peer) =>
      // An answer that can't be sent is one that does not come.
      server.send(name, peer.port, peer.address, () => undefined),
    );
    server.bind(port, '::', resolve);
  });
}

/** A busy machine runs timers late and before what has come in meanwhile: that is looked at once more. */
function afterInput(ms: number, then: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(then), ms);
}

function probeTcp(p: Probe): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host: p.host, port: p.port });
    const end = (result: ProbeResult) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = afterInput(p.timeoutMs, () => end('dropped'));
    socket.once('data', (data) => end(`open ${data}`));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ETIMEDOUT' ? 'dropped' : String(error)));
  });
}

function probeUdp(p: Probe): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket: Socket = createSocket(p.host.includes(':') ? 'udp6' : 'udp4');
    const send = () => socket.send('?', p.port, p.host);
    const end = (result: ProbeResult) => {
      clearTimeout(timer);
      clearInterval(again);
      socket.close();
      resolve(result);
    };
    const timer = afterInput(p.timeoutMs, () => end('dropped'));
    const again = setInterval(send, 1000);
    socket.once('message', (data) => end(`open ${data}`));
    socket.once('error', (error) => end(String(error)));
    socket.bind(p.sourcePort ?? 0, send);
  });
}

await Promise.all(ports.map((port) => serve(Number(port))));
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, probes } = JSON.parse(line) as ProbeRequest;
  Promise.all(probes.map((p) => (p.protocol === 'TCP' ? probeTcp(p) : probeUdp(p)))).then((results) => {
    const reply: ProbeReply = { id, results };
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  });
});
process.stdout.write('ready\n');
