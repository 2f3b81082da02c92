import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { Duplex } from 'node:stream';
import { it } from 'node:test';
import { join } from './join.js';

it('ends when the pod ends, though the client keeps its side open', async () => {
  const server = createServer((socket) => socket.end('bye'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const pod = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  let got = '';
  const client = new Duplex({
    read: () => undefined,
    write(chunk, _encoding, done) {
      got += String(chunk);
      done();
    },
  });
  const finished = once(client, 'finish');
  await join(pod, client);
  await finished;
  assert.equal(got, 'bye');
  client.destroy();
  server.close();
});
