/** Runs inside a pod's network namespace, as a child of the shim: connects to ports and hands the sockets back. */
import type { Socket } from 'node:net';
import { dialLocalhost } from './netns-dialer.js';

function reply(answer: { id: number; error?: string }, socket?: Socket): void {
  process.send?.(answer, socket);
}

process.on('message', ({ id, port }: { id: number; port: number }) => {
  dialLocalhost(port).then(
    (socket) => reply({ id }, socket),
    (error: Error) => reply({ id, error: error.message }),
  );
});

process.on('disconnect', () => process.exit(0));
