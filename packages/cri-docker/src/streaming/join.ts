import type { Duplex } from 'node:stream';

/**
 * Joins a connection into a pod and a client's stream. A client may end its side first and still read; the pod's end is
 * the end of both, as kubectl keeps its side open until it is told so. Rejects when the pod's side fails.
 */
export function join(pod: Duplex, client: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    pod.once('error', (error) => reject(error));
    pod.once('close', () => resolve());
    pod.once('end', () => {
      client.unpipe(pod);
      pod.end();
      resolve();
    });
    client.once('error', () => pod.destroy());
    client.once('close', () => pod.destroy());
    client.pipe(pod);
    pod.pipe(client);
  });
}
