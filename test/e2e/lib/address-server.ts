// Answers every connection with the address that it comes from, then closes it, until standard input ends:
// node address-server.js PORT
import { createServer } from 'node:net';

const server = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.end(`${(socket.remoteAddress ?? '').replace('::ffff:', '')}\n`);
});
server.listen(Number(process.argv[2]), () => process.stdout.write('listening\n'));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
